// Runs in the extension's own world of the page: it knows the policy, talks to the background script and to the person.

import { tellBackground } from "./background_link.js";
import { decide } from "./batch.js";
import { watchOpenings } from "./dialog.js";
import { isLinked, openLink, say } from "./link.js";
import { pageFiles, receivePiece } from "./page_files.js";
import { serveFrames } from "./person.js";
import { showRoot, watchRoots } from "./roots.js";
import { guardRoot, guardScriptless } from "./scriptless.js";
import { keepTexts } from "./texts.js";

/** Tells the page world the mode. Until it is known, and where it can not be known, everything is looked at. */
async function tellMode() {
  say({ type: "policy", mode: "unknown" });
  const { mode } = await tellBackground({ type: "policy" });
  say({ type: "policy", mode });
}

async function onMessage(message) {
  if (message.type === "batch") {
    const files = await decide(pageFiles(message), message.failure).catch(() => null);
    say({ type: "verdict", id: message.id, files });
  } else if (message.type === "ping") {
    say({ type: "pong" });
  } else if (message.type === "piece") {
    receivePiece(message);
  } else if (message.type === "opened") {
    watchAgain();
    watchOpenings();
  } else if (message.type === "wake" || message.type === "uploaded") {
    tellBackground(message).catch(() => {});
  }
}

openLink(onMessage);
const watchAgain = watchRoots((root) => (isLinked() ? showRoot : guardRoot)(root));
if (!isLinked()) guardScriptless();
watchOpenings();
keepTexts();
serveFrames();
tellMode().catch(() => {});
chrome.runtime.onMessage.addListener((message) => {
  if (message.type === "policy changed") tellMode().catch(() => {});
});
// A page that the browser kept while the person was elsewhere heard nothing of what changed.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) tellMode().catch(() => {});
});
