import qq from "fine-uploader/lib/core";
document.body.innerHTML = `<div id="zone" style="width:400px;height:200px"><button id="open">Choose</button></div>`;
new qq.FineUploaderBasic({ button: document.getElementById("open"), request: { endpoint: UPLOAD, inputName: "photo" } });
