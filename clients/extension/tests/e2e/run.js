// Runs the browser tests: makes the photos and the test's build, starts the real service once, runs every browser, and has
// what their sites received judged by `srae restore`.
//
//   node tests/e2e/run.js [chromium] [firefox] [firefox_person] [failures] [pages]
//   ONLY=drops node tests/e2e/run.js chromium      the tests whose names have that in them

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../build.js";
import { environment, PYTHON, ROOT, startService } from "./support/service.js";
import { bundleWidgets } from "./support/widgets.js";

const HERE = import.meta.dirname;
const out = process.env.SRAE_TEST_OUT ?? join(ROOT, "out/e2e");
const photos = join(out, "photos");
// Profiles and sockets go to a folder that goes with the run.
const own = mkdtempSync(join(tmpdir(), "srae-"));
process.env.TMPDIR = own;
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "pictures"), { recursive: true });
execFileSync(PYTHON, [join(HERE, "support/photos.py"), photos]);
build(join(out, "extension"), "http://127.0.0.1/*", "http://localhost/*");
const service = await startService();
Object.assign(process.env, { SRAE_TEST_ENDPOINT: service.address, SRAE_TEST_PHOTOS: photos, SRAE_TEST_OUT: out, SRAE_TEST_EXTENSION: join(out, "extension") });

bundleWidgets();

const names = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(HERE).filter((file) => file.endsWith(".test.js")).map((file) => file.slice(0, -8));
const files = names.map((name) => join(HERE, `${name}.test.js`));
let { status } = spawnSync("node", ["--test", "--test-concurrency=3", "--test-reporter=spec", ...(process.env.ONLY ? [`--test-name-pattern=${process.env.ONLY}`] : []), ...files], { stdio: "inherit" });

for (const name of names) {
  const received = join(out, name);
  if (!existsSync(join(received, "uploads.json"))) continue;
  console.log(`\nWhat the site received in ${name}:`);
  // Some tests put the key under this passphrase (lockKey).
  const env = { ...environment(received), XDG_CONFIG_HOME: join(received, "config"), SRAE_PASSPHRASE: "open sesame" };
  const judged = spawnSync(PYTHON, [join(HERE, "support/verify.py"), join(received, "uploads.json"), join(received, "restored")], { stdio: "inherit", env });
  status ||= judged.status ?? 1;
}
service.process.kill();
rmSync(own, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
process.exit(status);
