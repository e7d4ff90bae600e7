// The real service, and the real host made known to a browser's profile.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../../../../..");
export const PYTHON = join(ROOT, ".venv/bin/python");
export const HOST = join(ROOT, ".venv/bin/srae-host");

/** Starts the service on a socket in a folder of its own: a socket's path must be short. Resolves with {address, process}. */
export async function startService() {
  const address = `unix:${join(mkdtempSync(join(tmpdir(), "srae-")), "srae.sock")}`;
  const service = spawn(PYTHON, ["-m", "services", "--listen", address], { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(service.stdout, "data");
  if (!String(line).startsWith("listening")) throw new Error(`the service said: ${line}`);
  return { address, process: service };
}

/** The environment of a browser and of the host that it starts: nothing of this computer's user is read or written. */
export function environment(folder, more = {}) {
  return {
    ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), XDG_DATA_HOME: join(folder, "data"),
    XDG_RUNTIME_DIR: folder, SRAE_LEDGER: join(folder, "ledger.sqlite3"), SRAE_ENDPOINT: process.env.SRAE_TEST_ENDPOINT, ...more,
  };
}

/** srae keys passphrase, as a person runs it: puts the key under a passphrase. */
export function lockKey(env, passphrase) {
  execFileSync(join(ROOT, ".venv/bin/srae"), ["keys", "passphrase"], { env: { ...env, SRAE_NEW_PASSPHRASE: passphrase }, stdio: "pipe" });
}

/** srae-host install, as a person runs it. */
export function installHost(env, ...args) {
  execFileSync(HOST, ["install", ...args], { env, stdio: "pipe" });
}

