// The host's process, found among those of one browser by its profile folder's environment.

import { readdirSync, readFileSync } from "node:fs";

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** Ends a process; the browser ends a host that it gave up itself. */
export function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Does something while the host is stopped, so that there is time. */
export async function whileStopped(browser, work) {
  const pid = await hostProcess(browser);
  process.kill(pid, "SIGSTOP");
  try {
    await work();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** Has the host crash with a photo at it: it is held before the photo is chosen, and killed when it was sent. */
export async function crashDuring(browser, choose) {
  const pid = await hostProcess(browser);
  process.kill(pid, "SIGSTOP");
  try {
    await choose();
    await new Promise((resolve) => setTimeout(resolve, 4000)); // a busy machine; silence is told after 20 s
  } finally {
    kill(pid);
  }
}

/** Ends the host, and waits until the extension has seen it: a photo that comes sooner goes to the port of the host that is gone. */
export async function endHost(browser) {
  process.kill(await hostProcess(browser), "SIGKILL");
  for (let tries = 0; (await browser.badge()) !== "!"; tries += 1) {
    if (tries === 200) throw new Error("the extension never saw that the host has gone");
    await new Promise((resolve) => setTimeout(resolve, 50));
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
