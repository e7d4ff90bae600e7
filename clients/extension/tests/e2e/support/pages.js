// Upload widgets as real sites have them. Each page sends what it got to its upload address.

const script = (code) => `<!doctype html><meta charset="utf-8"><title>A site</title><body style="min-height:400px">${code}`;
const SEND = `const send = (file, name) => { const data = new FormData(); data.append("photo", file, name ?? file.name); return fetch(UPLOAD, { method: "POST", body: data }); };`;
const page = (html, code = "") => ({ upload }) => script(`${html}<script>const UPLOAD = ${JSON.stringify(upload)}; ${SEND} window.errors = []; addEventListener("error", (e) => errors.push(e.message)); addEventListener("unhandledrejection", (e) => errors.push(String(e.reason))); ${code}</script>`);
const INPUT = `<input id="pick" type="file" multiple>`;

const INNER = (upload) => `<!doctype html><input id=pick type=file><script>pick.onchange = () => { const data = new FormData();
  data.append('photo', pick.files[0]); fetch('${upload}', { method: 'POST', body: data, mode: 'no-cors' }); }<\/script>`;
const frameOf = (attributes) => `<iframe id="inner" ${attributes}></iframe>`;
const madeFrame = (upload, attributes, address) => `${frameOf(attributes)}<script>
  const inner = ${JSON.stringify(INNER(upload)).replace("</script>", "<\\/script>")}; document.getElementById("inner").src = ${address};</script>`;

/** Frames without an origin of their own, or with none at all, as the page's text. */
export const FRAMES = {
  sandboxed: ({ attached }) => frameOf(`sandbox="allow-scripts allow-forms" src="${attached}"`),
  sandboxedtext: ({ upload }) => frameOf(`sandbox="allow-scripts" srcdoc="${INNER(upload).replaceAll('"', "&quot;")}"`),
  text: ({ upload }) => frameOf(`srcdoc="${INNER(upload).replaceAll('"', "&quot;")}"`),
  // no script runs in it, the extension's neither: its form is sent by the browser itself
  scriptless: ({ upload }) => frameOf(`sandbox="allow-forms" srcdoc='<form method=post enctype=multipart/form-data action="${upload}"><input id=pick type=file name=photo><button id=go>Send</button></form>'`),
  blob: ({ upload }) => madeFrame(upload, "", `URL.createObjectURL(new Blob([inner], { type: "text/html" }))`),
  sandboxedblob: ({ upload }) => madeFrame(upload, 'sandbox="allow-scripts"', `URL.createObjectURL(new Blob([inner], { type: "text/html" }))`),
  data: ({ upload }) => madeFrame(upload, "", `"data:text/html," + encodeURIComponent(inner)`),
};

const rootForm = (upload, attributes = "") => `<form method="post" enctype="multipart/form-data" action="${upload}">
  <input type="file" name="photo" ${attributes} style="width:300px;height:60px"><button style="display:block;width:300px;height:60px">Send</button></form><x-seen></x-seen>`;
const declared = (mode, inner) => `<x-box><template shadowrootmode="${mode}">${inner}</template></x-box>`;
const made = (work, inner) => `<x-box id="box"></x-box><script>const inner = ${JSON.stringify(inner)}; ${work}</script>`;

/** Forms in shadow roots, which the browser sends itself: submit and change are heard in the root alone. */
export const ROOTS = {
  open: (upload) => declared("open", rootForm(upload)),
  closed: (upload) => declared("closed", rootForm(upload)),
  nested: (upload) => declared("closed", declared("closed", rootForm(upload))),
  attached: (upload) => made(`box.attachShadow({ mode: "open" }).innerHTML = inner;`, rootForm(upload)),
  attachedclosed: (upload) => made(`box.attachShadow({ mode: "closed" }).innerHTML = inner;`, rootForm(upload, "required")),
  late: (upload) => made(`setTimeout(() => box.setHTMLUnsafe(inner), 200);`, declared("closed", rootForm(upload))),
  parsed: (upload) => made(`box.replaceWith(Document.parseHTMLUnsafe(inner).body.firstChild);`, declared("closed", rootForm(upload))),
  opened: (upload) => made(`setTimeout(() => { document.open(); document.write("<!doctype html>" + inner); document.close(); }, 200);`, declared("closed", rootForm(upload))),
  auto: (upload) => declared("closed", rootForm(upload, `onchange="this.form.requestSubmit()"`)),
};
// The form is handed to the tests by an element in its root: no driver's expression reaches into a closed one.
const SEEN = `<script>customElements.define("x-seen", class extends HTMLElement { connectedCallback() { window.rootForm = this.getRootNode().querySelector("form"); } });</script>`;

export const PAGES = {
  rootform: ({ upload, frame }) => script(SEEN + ROOTS[frame](upload)),
  empty: page(""),
  // a frame of this site, so large (200x100), for a page of another site
  around: ({ upload, site, frame }) => script(`<iframe id="inner" style="border:0" width="${frame.split("x")[0]}" height="${frame.split("x")[1]}" src="${site.origin}/attached/${upload.split("/").pop()}"></iframe>`),
  // sends to another host, a cloud's storage for one, where the extension has no business
  elsewhere: ({ upload, site }) => script(`${INPUT}<script>pick.onchange = () => fetch("${site.unnamedOrigin}${upload}", { method: "POST", mode: "no-cors", body: pick.files[0] });</script>`),
  // the common form, sent by its button
  form: ({ upload }) => script(`<form action="${upload}" method="post" enctype="multipart/form-data" target="_self"><input id="pick" type="file" name="photo" multiple required><button id="go">Send</button></form>`),
  // fields with the names of what a script reads of a form
  clobbered: ({ upload }) => script(`<form id="f" action="${upload}" method="post" enctype="multipart/form-data"><input type="hidden" name="action" value="save">
    <input type="hidden" name="elements"><input type="hidden" name="method"><input id="pick" type="file" name="photo"></form><button id="go" onclick="HTMLFormElement.prototype.submit.call(f)">Send</button>`),
  // sent by script as soon as something is chosen
  autosubmit: ({ upload }) => script(`<form action="${upload}" method="post" enctype="multipart/form-data"><input id="pick" type="file" name="photo" onchange="this.form.submit()"></form>`),
  // submit() from a button's click, while the photo may still be on its way
  submitcall: ({ upload }) => script(`<form id="f" action="${upload}" method="post" enctype="multipart/form-data"><input id="pick" type="file" name="photo"></form><button id="go" onclick="f.submit()">Send</button>`),
  // such a root in a frame in which no script runs, the extension's of the page's world neither
  scriptlessroot: ({ upload, site }) => script(frameOf(`width="400" height="200" sandbox="allow-forms" srcdoc='${declared("closed", rootForm(new URL(upload, site.origin).href))}'`)),
  // an element of the page's own that says it is a file input
  ownfile: ({ upload }) => script(`<form action="${upload}" method="post" enctype="multipart/form-data"><x-file></x-file><input id="pick" type="file" name="photo"><button id="go">Send</button></form>
    <script>customElements.define("x-file", class extends HTMLElement { static formAssociated = true; internals = this.attachInternals(); type = "file"; });</script>`),
  // in XHTML, elements' names are in lower case
  xhtml: ({ upload }) => ({ headers: { "content-type": "application/xhtml+xml" }, html: `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>A site</title></head><body>
    <form action="${upload}" method="post" enctype="multipart/form-data"><input id="pick" type="file" name="photo" /><button id="go">Send</button></form></body></html>` }),
  attached: page(INPUT, `window.seen = []; setInterval(() => { if (pick.files.length) seen.push(pick.files[0].size); }, 1);
    pick.addEventListener("change", () => [...pick.files].forEach((file) => send(file)));`),
  // a page that allows itself as little as it can
  strict: ({ upload }) => ({
    headers: { "content-security-policy": "default-src 'none'; script-src 'nonce-own'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'" },
    html: `<!doctype html><meta charset="utf-8"><title>A site</title>${INPUT}<script nonce="own">const pick = document.getElementById("pick");
      pick.addEventListener("change", () => [...pick.files].forEach((file) => { const data = new FormData(); data.append("photo", file); fetch("${upload}", { method: "POST", body: data }); }));</script>`,
  }),
  // inputs made for each click, never attached
  detached: page(`<button id="open">Choose</button>`, `open = document.getElementById("open"); document.getElementById("open").onclick = () => {
    const input = document.createElement("input"); input.type = "file"; input.onchange = () => send(input.files[0]); input.click(); };`),
  showpicker: page(`<button id="open">Choose</button>`, `document.getElementById("open").onclick = () => {
    const input = Object.assign(document.createElement("input"), { type: "file" });
    input.addEventListener("input", (event) => send(event.target.files[0])); input.showPicker(); };`),
  // hidden, used again and again: its value is emptied after each use
  reset: page(`<input id="pick" type="file" hidden>`, `window.count = 0; pick.onchange = async () => { if (!pick.files.length) return; const [file] = pick.files; pick.value = ""; count += 1; await send(file); };`),
  // one listener at the root, as React has it
  delegated: page(`<div id="root"><label><input id="pick" type="file"></label></div>`,
    `for (const type of ["input", "change"]) root.addEventListener(type, (event) => { if (type === "change" && event.target.files.length) send(event.target.files[0]); }, true);`),
  openshadow: page(`<div id="host"></div>`, `const root = host.attachShadow({ mode: "open" }); root.innerHTML = '<input id="pick" type="file">';
    root.querySelector("input").onchange = (event) => send(event.target.files[0]);`),
  closedshadow: page(`<div id="host"></div>`, `const root = host.attachShadow({ mode: "closed" }); root.innerHTML = '<input type="file" style="width:300px;height:60px">';
    const input = root.querySelector("input"); input.addEventListener("change", () => send(input.files[0])); window.inner = () => input;`),
  declaredshadow: ({ upload }) => script(`<x-box><template shadowrootmode="closed"><input type="file" style="width:300px;height:60px"></template></x-box>
    <script>customElements.define("x-box", class extends HTMLElement { constructor() { super(); const root = this.attachInternals().shadowRoot;
      const input = root.querySelector("input"); window.inner = () => input;
      input.addEventListener("change", () => { if (!input.files.length) return; const data = new FormData(); data.append("photo", input.files[0]); fetch("${upload}", { method: "POST", body: data }); }); } });</script>`),
  frames: ({ site, upload }) => script(`<iframe id="same" src="/attached/${upload.split("/").pop()}"></iframe><iframe id="cross" src="${site.otherOrigin}/attached/${upload.split("/").pop()}"></iframe>`),
  srcdoc: ({ upload }) => script(`<iframe id="inner" srcdoc="<input id=pick type=file><script>pick.onchange = () => { const data = new FormData(); data.append('photo', pick.files[0]); fetch('${upload}', { method: 'POST', body: data }); }<\/script>"></iframe>`),
  // frames whose address or origin is not the page's: FRAMES below
  framed: ({ upload, site, frame }) => script(FRAMES[frame]({ upload: new URL(upload, site.origin).href, attached: `/attached/${upload.split("/").pop()}` })),
  // a frame that the page writes itself, with a form that the browser sends
  writtenframe: ({ upload }) => script(`<iframe id="inner"></iframe><script>const { contentDocument: inner } = document.getElementById("inner"); inner.open();
    inner.write('<form id=f method=post enctype=multipart/form-data action="${upload}"><input id=pick type=file name=photo></form>'); inner.close();
    inner.getElementById("pick").addEventListener("change", () => inner.getElementById("f").submit());</script>`),
  // an editor in a frame without an address: the page around it takes the file out and sends it
  editorframe: page("", `const frame = Object.assign(document.createElement("iframe"), { id: "inner" }); document.body.append(frame);
    const input = Object.assign(frame.contentDocument.createElement("input"), { id: "pick", type: "file" }); frame.contentDocument.body.append(input);
    input.addEventListener("change", () => input.files[0] && send(input.files[0]));`),
  // a dropzone with FileReader previews
  dropzone: page(`<div id="zone" style="width:400px;height:200px;background:#ddd">Drop here</div><div id="previews"></div>`, `
    zone.addEventListener("dragover", (event) => event.preventDefault());
    zone.addEventListener("drop", (event) => { event.preventDefault(); window.drops = (window.drops ?? 0) + 1;
      for (const item of event.dataTransfer.items) { const entry = item.webkitGetAsEntry();
        if (entry) entry.file((file) => { const reader = new FileReader(); reader.onload = () => { previews.append(Object.assign(new Image(), { src: reader.result })); send(file); }; reader.readAsDataURL(file); });
        else send(item.getAsFile()); } });`),
  dropfiles: page(`<div id="zone" style="width:400px;height:200px;background:#ddd">Drop here</div>`, `
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => { event.preventDefault(); [...event.dataTransfer.files].forEach((file) => send(file)); });`),
  droponinput: page(`<div style="padding:20px"><input id="pick" type="file" style="width:400px;height:150px;background:#ddd"></div>`, `pick.onchange = () => send(pick.files[0]);`),
  paste: page(`<div id="text" contenteditable style="width:400px;height:100px">type</div>`,
    `text.addEventListener("paste", (event) => { const [file] = event.clipboardData.files; if (file) { event.preventDefault(); send(file, "pasted.png"); } });`),
  pastedefault: page(`<div id="text" contenteditable style="width:400px;height:100px"></div>`,
    `new MutationObserver(async () => { const image = text.querySelector("img"); if (image && !window.sent) { window.sent = true; send(await (await fetch(image.src)).blob(), "pasted.png"); } }).observe(text, { childList: true, subtree: true });`),
  // text comes with a picture of itself: into a field that nobody listens at, into text with looks, and where a script takes the picture
  pastemixed: page(`<textarea id="plain"></textarea><div id="rich" contenteditable style="width:400px;height:100px"></div>`, `window.hear = () => plain.addEventListener("paste", (event) => send(event.clipboardData.files[0], "pasted.png"));`),
  clipboard: page("", `window.readAndSend = async () => { const [item] = await navigator.clipboard.read(); await send(await item.getType("image/png"), "read.png"); };`),
  picker: page(`<button id="open">Open</button>`, ``),
  // pieces over XHR, as resumable uploads send them
  chunked: page(INPUT, `pick.onchange = async () => { const [file] = pick.files; window.size = file.size; const step = Math.ceil(file.size / 5);
    for (let at = 0; at < file.size; at += step) await new Promise((resolve, reject) => { const xhr = new XMLHttpRequest(); xhr.open("PUT", UPLOAD); xhr.onload = resolve; xhr.onerror = reject; xhr.send(file.slice(at, at + step)); }); };`),
  // the same from copied bytes
  chunkedbytes: page(INPUT, `pick.onchange = async () => { const bytes = new Uint8Array(await pick.files[0].arrayBuffer()); const step = Math.ceil(bytes.length / 3);
    for (let at = 0; at < bytes.length; at += step) await fetch(UPLOAD, { method: "PUT", body: new Blob([bytes.slice(at, at + step)]) }); };`),
  canvas: page(INPUT, `pick.onchange = async () => { const picture = await createImageBitmap(pick.files[0]); const canvas = document.createElement("canvas");
    canvas.width = picture.width; canvas.height = picture.height; canvas.getContext("2d").drawImage(picture, 0, 0); canvas.toBlob((blob) => send(blob, "again.png"), "image/png"); };`),
  // resized to a JPEG in a worker, as photo compressors do
  workercanvas: page(INPUT, `const code = "onmessage = async ({ data }) => { const picture = await createImageBitmap(data.file); const canvas = new OffscreenCanvas(picture.width, picture.height); canvas.getContext('2d').drawImage(picture, 0, 0); postMessage(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 })); }";
    const worker = new Worker(URL.createObjectURL(new Blob([code]))); worker.onmessage = ({ data }) => send(data, "again.jpg");
    pick.onchange = () => worker.postMessage({ file: pick.files[0] });`),
  // what reaches a page on a way that is not known: only the last net is left
  sinks: page("", `window.fileOf = (base64, name) => new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name);
    window.sinks = {
      fetch: (file) => fetch(UPLOAD, { method: "POST", body: file }),
      form: (file) => { const data = new FormData(); data.append("photo", file, "x.png"); return fetch(UPLOAD, { method: "POST", body: data }); },
      request: (file) => fetch(new Request(UPLOAD, { method: "POST", body: file })),
      bytes: async (file) => { const bytes = new Uint8Array((await file.arrayBuffer()).byteLength); bytes.set(new Uint8Array(await file.arrayBuffer())); return fetch(UPLOAD, { method: "POST", body: bytes }); },
      xhr: (file) => new Promise((resolve) => { const xhr = new XMLHttpRequest(); xhr.open("POST", UPLOAD); xhr.onloadend = resolve; xhr.send(file); }),
      beacon: (file) => navigator.sendBeacon(UPLOAD, file),
      worker: (file) => { const code = "onmessage = ({ data }) => fetch(data.address, { method: 'POST', body: data.list[0] })";
        new Worker(URL.createObjectURL(new Blob([code]))).postMessage({ list: [file], address: new URL(UPLOAD, location).href }); },
    };`),
  // what is sent as the page is left has no time to be looked at
  leaving: page("", `const json = () => new Blob(['{"draft":1}'], { type: "application/json" }); const data = new FormData(); data.append("note", json());
    addEventListener("pagehide", () => { navigator.sendBeacon(UPLOAD, json()); navigator.sendBeacon(UPLOAD, new Blob([Uint8Array.of(31, 139, 8, 0, 1, 2)])); navigator.sendBeacon(UPLOAD, data);
      fetch(UPLOAD, { method: "POST", keepalive: true, body: json() }); });`),
  resetting: ({ upload }) => script(`<form action="${upload}" method="post" enctype="multipart/form-data"><input id="pick" type="file" name="photo"><button type="reset" id="empty">Empty</button></form>`),
  // what a page can lay over a dialog, so that clicks go through it
  overlay: page(`${INPUT}<div id="cover" popover="manual" style="inset:0;width:100vw;height:100vh;border:0;padding:0;background:#fff;pointer-events:none">You won! Press the button.</div>`,
    `addEventListener("beforetoggle", (event) => event.stopImmediatePropagation(), true);
    pick.onchange = () => send(pick.files[0]);`),
  image: ({ upload }) => script(`<img id="image" src="/file/${upload.split("/").pop()}" style="width:300px">`),
};
