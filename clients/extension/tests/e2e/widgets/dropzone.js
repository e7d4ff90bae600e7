import Dropzone from "dropzone";
document.body.innerHTML = `<div id="zone" style="width:400px;height:200px">Drop here</div>`;
new Dropzone("#zone", { url: UPLOAD, paramName: "photo" });
