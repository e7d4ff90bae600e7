// Dropzone as sites with large files set it: pieces of the file, one request each.
import Dropzone from "dropzone";
document.body.innerHTML = `<div id="zone" style="width:400px;height:200px">Drop here</div>`;
new Dropzone("#zone", { url: UPLOAD, paramName: "photo", chunking: true, forceChunking: true, chunkSize: 20000, parallelChunkUploads: false });
