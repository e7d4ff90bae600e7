// Makes the extension: bundles each of the two content scripts into one file (content scripts can not be modules, and in
// the page's world no name of theirs may be seen), copies the rest as it is, and packs it for both browsers.
//
//   node build.js [--out DIR] [--test-origin http://127.0.0.1/*] [--no-pack]

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildSync } from "esbuild";

const HERE = import.meta.dirname;
const PARTS = ["background", "shared", "pages", "icons", "_locales"];
const SCRIPTS = [
  { world: "MAIN", from: "content/page_world/main.js", to: "content/page_world.js" },
  { world: "ISOLATED", from: "content/own_world/main.js", to: "content/own_world.js" },
];

/** The manifest with its content scripts; a test's origins are treated like named sites, its granted ones as if a person had added them. */
export function manifest(testOrigins, grantedOrigins = []) {
  const made = JSON.parse(readFileSync(join(HERE, "manifest.json"), "utf8"));
  const matches = [...made.host_permissions, ...testOrigins];
  made.host_permissions = [...matches, ...grantedOrigins];
  made.content_scripts = SCRIPTS.map(({ world, to }) => ({
    js: [to], world, matches, run_at: "document_start",
    all_frames: true, match_about_blank: true, match_origin_as_fallback: true,
  }));
  return made;
}

/** Writes the extension into a folder. */
export function build(folder, testOrigins, grantedOrigins) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "content"), { recursive: true });
  for (const part of PARTS) cpSync(join(HERE, part), join(folder, part), { recursive: true });
  for (const { from, to } of SCRIPTS) {
    buildSync({ entryPoints: [join(HERE, from)], outfile: join(folder, to), bundle: true, format: "iife", charset: "utf8",
      target: ["chrome128", "firefox140"], logLevel: "warning" });
  }
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest(testOrigins, grantedOrigins), null, 2));
}

function pack(folder, file) {
  rmSync(file, { force: true });
  execFileSync("python3", ["-m", "zipfile", "-c", file, "."], { cwd: folder });
}

if (import.meta.filename === resolve(process.argv[1])) {
  const { values } = parseArgs({ options: { out: { type: "string", default: join(HERE, "../../out") },
    "test-origin": { type: "string", multiple: true, default: [] }, "no-pack": { type: "boolean", default: false } } });
  const folder = join(resolve(values.out), "extension");
  build(folder, values["test-origin"]);
  if (!values["no-pack"]) {
    pack(folder, join(folder, "../srae-extension-chromium.zip"));
    pack(folder, join(folder, "../srae-extension-firefox.xpi"));
  }
  console.log(folder);
}
