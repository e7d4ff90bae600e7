// The host's process, found among those of one browser by its profile folder's environment.

import { readdirSync, readFileSync } from "node:fs";

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** The process id of the host that this browser started; waits for it. */
export async function hostProcess(browser) {
  for (let tries = 0; tries < 100; tries += 1) {
    const pid = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).find((name) =>
      /srae.host/.test(read(name, "cmdline")) && /python/.test(read(name, "cmdline")) && read(name, "environ").includes(`HOME=${browser.folder}\0`));
    if (pid) return Number(pid);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("no host runs");
}
