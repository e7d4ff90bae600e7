// Shadow roots of the page that no script attached: the page's text may declare closed ones, into which only an extension can
// look. A root is found by the first event that begins in it, at the window, before the event comes to the root itself.

import { isShade } from "./shade.js";

// Whatever a person does in a root begins with one of these; all of them come out of it, as change and submit do not.
const TYPES = ["input", "click", "keydown", "dragenter"];

const { dom } = chrome; // Chromium's; in Firefox the elements have it themselves

/** The element's shadow root, closed ones too, or null. */
function rootOf(element) {
  if (!(element instanceof HTMLElement) || isShade(element)) return null;
  try {
    return "openOrClosedShadowRoot" in element ? element.openOrClosedShadowRoot : dom.openOrClosedShadowRoot(element);
  } catch {
    return null; // Chromium, where the extension was reloaded under the page
  }
}

/**
 * Calls onRoot(root) for every shadow root in which something happens, before it does. Returns the function that listens at
 * the window again: document.open() takes all listeners off it.
 */
export function watchRoots(onRoot) {
  const seen = new WeakSet();
  const look = (event) => {
    const path = event.composedPath();
    for (const root of [...path.filter((node) => node instanceof ShadowRoot), rootOf(path[0])]) {
      if (!root || seen.has(root)) continue;
      seen.add(root);
      listen(root);
      onRoot(root);
    }
  };
  const listen = (target) => TYPES.forEach((type) => target.addEventListener(type, look, true));
  listen(window);
  return () => listen(window);
}

/** Shows a root to the page's world (page_world/roots.js). A page that does the same has one more root listened in. */
export function showRoot(root) {
  const mark = document.createComment("");
  window.dispatchEvent(new MouseEvent("srae-root", { relatedTarget: mark }));
  root.append(mark);
  mark.dispatchEvent(new Event("srae-root"));
  mark.remove();
}
