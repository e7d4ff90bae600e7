// The test's web site: serves pages, and keeps what it receives.

import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PAGES } from "./pages.js";
import { widgetPage, widgetScript } from "./widgets.js";

const body = (request) =>
  new Promise((resolve, reject) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => resolve(Buffer.concat(pieces)));
    request.on("error", reject);
  });

/** The files of a request: of a form, or the body itself. */
async function filesOf(request, bytes) {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return [{ name: "body", bytes }];
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  const files = [...form.values()].filter((value) => typeof value !== "string");
  return Promise.all(files.map(async (file) => ({ name: file.name, bytes: Buffer.from(await file.arrayBuffer()) })));
}

export class Site {
  #received = new Map();
  #waiting = [];

  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.server = createServer((request, response) => this.#answer(request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    }));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    // Another origin on the same machine, for frames.
    this.otherOrigin = this.origin.replace("127.0.0.1", "localhost");
    // One that the extension's manifest does not name: both browsers look for such names on this machine alone.
    this.unnamedOrigin = this.origin.replace("127.0.0.1", "elsewhere.localhost");
    // One that it does not name either, but that the person added.
    this.addedOrigin = this.origin.replace("127.0.0.1", "granted.localhost");
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    const [, kind, name] = pathname.split("/");
    if (kind === "upload") {
      const files = await filesOf(request, await body(request));
      this.#received.set(name, [...(this.#received.get(name) ?? []), ...files]);
      this.#waiting.splice(0).forEach((wake) => wake());
      response.writeHead(200, { "content-type": "text/html" }).end("thank you");
    } else if (kind === "file") {
      const [file] = this.#received.get(name) ?? [];
      response.writeHead(file ? 200 : 404, { "content-type": "image/png", "access-control-allow-origin": "*" }).end(file?.bytes);
    } else if (kind === "bundle") {
      response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(widgetScript(name));
    } else if (kind === "widget") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(widgetPage(name, `/upload/${pathname.split("/")[3]}`));
    } else if (PAGES[kind]) {
      const page = PAGES[kind]({ upload: `/upload/${name ?? kind}`, site: this, frame: pathname.split("/")[3] });
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...page.headers }).end(page.html ?? page);
    } else response.writeHead(404).end();
  }

  /** Has a file at /file/NAME, as if it had come. */
  serve = (name, bytes) => void this.#received.set(name, [{ name, bytes }]);

  /** What came to /upload/NAME so far: [{name, bytes}]. */
  received(name) {
    return this.#received.get(name) ?? [];
  }

  /** Waits until that many files came. Throws where they do not come. */
  async wait(name, count, seconds = 40) {
    const end = Date.now() + 1000 * seconds;
    while (this.received(name).length < count) {
      if (Date.now() > end) throw new Error(`${name}: ${this.received(name).length} of ${count} files came`);
      await Promise.race([new Promise((resolve) => this.#waiting.push(resolve)), new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    return this.received(name);
  }

  /** Writes a file that came, for the verifier. Returns its path. */
  keep(name, bytes) {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }
}
