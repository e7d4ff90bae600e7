// The small box in the corner: progress with a way to cancel, then what became of the photos.

import { make, shade } from "./shade.js";
import { text } from "./texts.js";

const SHOWN_AFTER_MS = 400; // what is quicker needs no words
const GONE_AFTER_MS = 8000;

/** Progress of a batch. Returns {set(done, stage), end()}. */
export function progressHere(count, onCancel) {
  const line = make("p", { text: text("progress", 0, count), role: "status" });
  const cancel = make("button", { text: text("cancel"), type: "button" });
  cancel.addEventListener("click", (event) => event.isTrusted && onCancel());
  let remove = () => {};
  const timer = setTimeout(() => (remove = shade(make("section", {}, [line, make("menu", {}, [cancel])]))), SHOWN_AFTER_MS);
  return {
    set(done, stage) {
      line.textContent = text("progress", done, count) + (stage === "starting" ? ` ${text("stageStarting")}` : "");
    },
    end() {
      clearTimeout(timer);
      remove();
    },
  };
}

/** Lines that go away by themselves. */
export function noticeHere(lines) {
  const close = make("button", { text: text("close"), type: "button" });
  const box = make("section", { role: "status" }, [...lines.map((line) => make("p", { text: line })), make("menu", {}, [close])]);
  const remove = shade(box);
  close.addEventListener("click", remove);
  setTimeout(remove, GONE_AFTER_MS);
}

/** What the classifiers saw before and see now, in a line for each photo. */
export function describeView({ name, result }) {
  const view = result.views?.[0];
  if (!view) return text("noticeUnmeasured", name);
  const seen = ({ label, confidence }) => `${label} ${Math.round(100 * confidence)} %`;
  return `${name}: ${seen(view.original)} → ${seen(view.protected)}`;
}

/** A line about the photos whose files have more than 8 bits a channel, for 8 are protected and come back; else an empty list. */
export function describeBits(photos) {
  const deep = photos.filter(({ result }) => result.input_bits > 8);
  return deep.length > 0 ? [text("noticeBits", deep.map(({ name }) => name).join(", "))] : [];
}
