// The questions that a person is asked, as dialogs.

import { describeBits } from "./notice.js";
import { text } from "./texts.js";

const NO = () => ({ id: "no", label: text("dialogDontSend"), kind: "main" });
const namesOf = (files) => files.map(({ name }) => name);

/** On a site where the person wants to be asked. */
export function protectThese(files) {
  return {
    title: text("dialogTitleAsk"),
    lines: [namesOf(files)],
    choices: [
      { id: "protect", label: text("dialogProtect"), kind: "main" },
      { id: "no", label: text("dialogDontSend") },
      { id: "original", label: text("dialogOriginal"), kind: "risky" },
    ],
  };
}

/** Protected, but a classifier still answers as before. */
export function notProtected(photos) {
  return {
    title: text("dialogTitleWeak"),
    lines: [photos.map(stillSeen), text("dialogWeak"), ...describeBits(photos)],
    choices: [NO(), { id: "send", label: text("dialogSendWeak"), kind: "risky" }],
  };
}

/** What a classifier still answers, and how sure it was and is. */
function stillSeen({ name, result }) {
  const view = result.views?.find(({ is_protected }) => is_protected === false) ?? result.views?.[0];
  return view ? text("dialogWeakPhoto", name, view.protected.label, percent(view.original), percent(view.protected)) : name;
}

const percent = ({ confidence }) => `${Math.round(100 * confidence)} %`;

/** Something went wrong: what, and what to do. Where the extension is gone nothing can be logged, so nothing is offered. */
export function failed(failures) {
  const { failure } = failures[0];
  const isGone = failure.code === "EXTENSION_GONE";
  const hint = text(`hint_${failure.code}`);
  return {
    title: text("dialogTitleFailed"),
    lines: [namesOf(failures.map(({ file }) => file)), text("dialogNothingSent"), hint.startsWith("hint_") ? failure.hint : hint],
    small: text("dialogWhy", failure.message === failure.code ? failure.code : `${failure.code}: ${failure.message}`),
    choices: [
      NO(),
      ...(failure.retryable ? [{ id: "again", label: text("dialogAgain") }] : []),
      ...(isGone ? [] : [{ id: "original", label: text("dialogOriginal"), kind: "risky" }]),
    ],
  };
}

/** Animations and videos that go as they are. */
export function unprotectedTypes(files) {
  return text("noticeUnprotectedTypes", namesOf(files).join(", "));
}
