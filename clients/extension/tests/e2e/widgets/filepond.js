import * as FilePond from "filepond";
document.body.innerHTML = `<div style="width:400px"><input type="file" multiple></div>`;
FilePond.create(document.querySelector("input"), { name: "photo", server: { process: UPLOAD } });
