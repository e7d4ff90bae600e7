import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import XHRUpload from "@uppy/xhr-upload";
document.body.innerHTML = `<div id="zone"></div>`;
new Uppy({ autoProceed: true }).use(Dashboard, { inline: true, target: "#zone", width: 400, height: 300 }).use(XHRUpload, { endpoint: UPLOAD, fieldName: "photo", getResponseData: () => ({}) });
