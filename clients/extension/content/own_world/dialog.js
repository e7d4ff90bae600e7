// A question that stops everything until a person answers it. Escape, closing, and a page that takes it away all mean no.

import { make, shade } from "./shade.js";

export const NO = "no";

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
    const end = (answer) => {
      observer.disconnect();
      remove();
      resolve(answer);
    };
    const observer = new MutationObserver(() => dialog.isConnected || end(NO));
    observer.observe(document, { childList: true, subtree: true });
    for (const button of buttons) {
      // Only a person's press counts.
      button.addEventListener("click", (event) => event.isTrusted && end(button.value));
    }
    dialog.addEventListener("close", () => end(NO));
    signal?.addEventListener("abort", () => end(NO));
    // What is typed here is not the page's.
    for (const type of ["keydown", "keyup", "keypress"]) dialog.addEventListener(type, (event) => event.stopPropagation());
    dialog.showModal();
    buttons[0].focus();
    dialog.scrollTop = 0; // it is read from its top, however small the frame
  });
}
