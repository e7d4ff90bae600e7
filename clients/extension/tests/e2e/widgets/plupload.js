import * as plupload from "plupload";
document.body.innerHTML = `<div id="zone" style="width:400px;height:200px"><button id="open">Choose</button></div>`;
const { Uploader } = plupload.default ?? plupload;
const uploader = new Uploader({ runtimes: "html5", browse_button: "open", drop_element: "zone", url: UPLOAD, file_data_name: "photo", chunk_size: 20000,
  init: { FilesAdded: () => uploader.start() } });
uploader.init();
