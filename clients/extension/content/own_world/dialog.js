// A question that stops everything until a person answers it. Escape, closing, and a page that takes it away all mean no.

import { make, shade } from "./shade.js";

export const NO = "no";

const SEEN_MS = 500;

/**
 * Resolves with the answer: a choice's id, or "no".
 * @param title, lines the text: lines are strings, or lists of strings for a list
 * @param small a last line in small print
 * @param choices [{id, label, kind: "main" | "risky" | ""}]; the first has the focus, and should be the safe one
 * @param signal an AbortSignal that takes the question away: nobody waits for the answer any more
 */
export function askHere({ title, lines, small = "", choices }, signal = undefined) {
  const buttons = choices.map(({ id, label, kind = "" }) => make("button", { text: label, class: kind, value: id, type: "button" }));
  const body = lines.filter((line) => line.length > 0).map((line) =>
    Array.isArray(line) ? make("ul", {}, line.map((item) => make("li", { text: item }))) : make("p", { text: line }));
  const dialog = make("dialog", { "aria-labelledby": "title" }, [
    make("h2", { id: "title", text: title }), ...body, ...(small ? [make("p", { class: "small", text: small })] : []), make("menu", {}, buttons),
  ]);
  const remove = shade(dialog);
  return new Promise((resolve) => {
    const sight = watchSight(dialog);
    const show = () => {
      dialog.showModal();
      buttons[0].focus();
      sight.onShown();
    };
    const end = (answer) => {
      observer.disconnect();
      sight.end();
      remove();
      resolve(answer);
    };
    // A page that takes it away, or puts it elsewhere, takes it out of the top layer.
    const observer = new MutationObserver(() => dialog.matches(":modal") || end(NO));
    observer.observe(document, { childList: true, subtree: true });
    for (const button of buttons) {
      // Only a person's press counts, and one with the pointer that sends something unprotected only on what is in sight.
      button.addEventListener("click", (event) => {
        if (!event.isTrusted) return;
        if (button.className !== "risky" || event.detail === 0 || sight.isClear()) end(button.value);
        else {
          takeOut(dialog); // the top layer is in the order of showing: now it is above all that was put over it
          show(); // with the focus on the safe choice: keys count always
        }
      });
    }
    dialog.addEventListener("close", () => end(NO));
    signal?.addEventListener("abort", () => end(NO));
    // What is typed here is not the page's.
    for (const type of ["keydown", "keyup", "keypress"]) dialog.addEventListener(type, (event) => event.stopPropagation());
    show();
    dialog.scrollTop = 0; // it is read from its top, however small the frame
  });
}

/** Takes the dialog out of the top layer, without the event of a dialog that was closed. */
function takeOut(dialog) {
  dialog.parentNode.append(dialog);
  dialog.removeAttribute("open");
}

let opened = -Infinity; // when the page last opened something that may lie above a dialog
const note = ({ newState }) => newState !== "closed" && (opened = performance.now());

/** Hears of what the page opens: at the window, before the page's own listeners there can stop it. */
export function watchOpenings() {
  for (const type of ["beforetoggle", "fullscreenchange"]) window.addEventListener(type, note, true);
}

/**
 * Whether the dialog has been in sight for a moment: a page can lay something over it that lets clicks through. Chromium tells
 * whether an element is covered. Elsewhere: whether the page opened something since it was shown, which may be above it.
 * Returns {isClear(), onShown(), end()}.
 */
function watchSight(dialog) {
  let since = Infinity;
  const isLong = () => performance.now() - since >= SEEN_MS;
  if ("isVisible" in IntersectionObserverEntry.prototype) {
    const see = ([{ isVisible }]) => (since = isVisible ? Math.min(since, performance.now()) : Infinity);
    const observer = new IntersectionObserver((entries) => see(entries.slice(-1)), { trackVisibility: true, delay: 100 });
    observer.observe(dialog);
    return { isClear: isLong, onShown() {}, end: () => observer.disconnect() };
  }
  return { isClear: () => opened < since && isLong(), onShown: () => (since = performance.now()), end() {} };
}
