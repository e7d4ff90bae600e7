// Runs the browser tests: makes the photos and the test's build, starts the real service once, and runs every browser. What
// their sites received is judged by `srae restore` when a browser is done (support/uploads.js).
//
//   node tests/e2e/run.js [chromium] [firefox] [firefox_person] [failures] [pages]
//   ONLY=drops node tests/e2e/run.js chromium      the tests whose names have that in them

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../build.js";
import { PYTHON, ROOT, startService } from "./support/service.js";
import { bundleWidgets } from "./support/widgets.js";

const HERE = import.meta.dirname;
const out = process.env.SRAE_TEST_OUT ?? join(ROOT, "out/e2e");
const photos = join(out, "photos");
// Profiles and sockets go to a folder that goes with the run.
const own = mkdtempSync(join(tmpdir(), "srae-"));
process.env.TMPDIR = own;
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "pictures"), { recursive: true });
// Side by side: the service takes longest to start.
const [starting, taking] = [startService(), once(spawn(PYTHON, [join(HERE, "support/photos.py"), photos], { stdio: "inherit" }), "exit")];
build(join(out, "extension"), ["http://127.0.0.1/*", "http://localhost/*"], ["http://granted.localhost/*"]);
Object.assign(process.env, { SRAE_TEST_PHOTOS: photos, SRAE_TEST_OUT: out, SRAE_TEST_EXTENSION: join(out, "extension") });
bundleWidgets();
if ((await taking)[0] !== 0) throw new Error("the photos could not be made");
const service = await starting;
process.env.SRAE_TEST_ENDPOINT = service.address;

const names = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(HERE).filter((file) => file.endsWith(".test.js")).map((file) => file.slice(0, -8));
const files = names.map((name) => join(HERE, `${name}.test.js`));
const { status } = spawnSync("node", ["--test", "--test-concurrency=4", "--test-reporter=spec", ...(process.env.ONLY ? [`--test-name-pattern=${process.env.ONLY}`] : []), ...files], { stdio: "inherit" });

for (const name of names) {
  const judged = join(out, name, "judged.txt");
  if (existsSync(judged)) console.log(`\nWhat the site received in ${name}:\n${readFileSync(judged, "utf8")}`);
}
service.process.kill();
rmSync(own, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
process.exit(status ?? 1);
