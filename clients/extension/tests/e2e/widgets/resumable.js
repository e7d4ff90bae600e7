import Resumable from "resumablejs";
document.body.innerHTML = `<div id="zone" style="width:400px;height:200px"><button id="open">Choose</button></div>`;
const resumable = new Resumable({ target: UPLOAD, chunkSize: 20000, simultaneousUploads: 1, testChunks: false, forceChunkSize: true });
resumable.assignBrowse(document.getElementById("open"));
resumable.assignDrop(document.getElementById("zone"));
resumable.on("fileAdded", () => resumable.upload());
