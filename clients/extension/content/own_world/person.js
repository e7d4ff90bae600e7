// What a person is asked and told. A frame may be small or half hidden: its boxes are shown in the page around it, where the
// extension is there too, and else in the frame itself.

import { connectBox } from "./background_link.js";
import { askHere, NO } from "./dialog.js";
import { noticeHere, progressHere } from "./notice.js";

const WAIT_MS = 6000; // whoever is silent for longer does not show it: the frame does
const isFrame = window !== window.top;

/** Asks in a dialog (dialog.js); resolves with the choice's id, or "no". */
export async function askPerson(question) {
  const box = await openAround("question", { question });
  return box ? box.answer : askHere(question);
}

/** Shows lines that go away by themselves. */
export async function showNotice(lines) {
  const box = await openAround("notice", { lines });
  if (box) box.port.disconnect();
  else noticeHere(lines);
}

/** Shows the progress of a batch. Returns {set(done, stage), end()}. */
export function showProgress(count, onCancel) {
  if (!isFrame) return progressHere(count, onCancel);
  const shown = openAround("progress", { count }).then((box) => {
    if (!box) return progressHere(count, onCancel);
    box.answer.then((value) => value === "cancel" && onCancel());
    return { set: (done, stage) => box.port.postMessage({ type: "set", done, stage }), end: () => box.port.disconnect() };
  });
  const later = (name, ...values) => shown.then((progress) => progress[name](...values)).catch(() => {}); // the page around may go
  return { set: (...values) => later("set", ...values), end: () => later("end") };
}

/** Opens a box in the page around this frame. Resolves with {port, answer}, or null where nobody opens it there. */
function openAround(type, content) {
  if (!isFrame) return null;
  return new Promise((resolve) => {
    const port = connectBox();
    const answer = new Promise((give) => {
      port.onMessage.addListener((message) => {
        if (message.type === "shown") {
          clearTimeout(timer);
          resolve({ port, answer });
        } else give(message.value);
      });
      port.onDisconnect.addListener(() => {
        resolve(null);
        give(NO);
      });
    });
    const timer = setTimeout(() => {
      resolve(null);
      port.disconnect();
    }, WAIT_MS);
    port.postMessage({ type, ...content });
  }).catch(() => null);
}

/** Opens boxes for the frames of this page. */
export function serveFrames() {
  if (isFrame) return;
  chrome.runtime.onConnect.addListener((port) => {
    const gone = new AbortController();
    port.onDisconnect.addListener(() => gone.abort());
    let progress = null;
    const answer = (value) => gone.signal.aborted || port.postMessage({ type: "answer", value });
    port.onMessage.addListener(({ type, question, lines, count, done, stage }) => {
      if (type === "set") return progress?.set(done, stage);
      if (type === "question") askHere(question, gone.signal).then(answer);
      else if (type === "notice") noticeHere(lines);
      else if (type === "progress") {
        progress = progressHere(count, () => answer("cancel"));
        gone.signal.addEventListener("abort", progress.end);
      } else return port.disconnect();
      return port.postMessage({ type: "shown" });
    });
  });
}
