import jQuery from "jquery";
import "blueimp-file-upload";
document.body.innerHTML = `<input id="pick" type="file" name="photo" multiple>`;
jQuery("#pick").fileupload({ url: UPLOAD, dataType: "text" });
