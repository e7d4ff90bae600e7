// Shadow roots. Events that stay in one (change, submit, invalid) never come to the window, so they are listened for in every
// root: in those that a script attaches from their first moment on, in those that a page's text declares, closed ones too,
// when the own world shows them (own_world/roots.js), which is before the first event in them.

import { listenTogether } from "./family.js";
import { hook, hookGetter, listenAtWindow, native } from "./natives.js";

const listeners = []; // [type, listener]
const rootsOf = new WeakMap(); // host -> root

/** The shadow root of an element, as far as it is known. */
export const rootOf = (host) => rootsOf.get(host) ?? host.shadowRoot;

/** Listens at the window and in every shadow root, before the page does. */
export function listenEverywhere(type, listener) {
  listeners.push([type, listener]);
  listenAtWindow(type, listener);
}

/** Listens in the root, where it is one; a second time changes nothing. */
export function listenIn(root) {
  if (!(root instanceof ShadowRoot)) return;
  rootsOf.set(root.host, root);
  for (const [type, listener] of listeners) native.addListener(root, type, listener, { capture: true });
}

export function followRoots() {
  hook(Element.prototype, "attachShadow", (attach, self, args) => {
    const root = attach(...args);
    listenIn(root);
    return root;
  });
  hookGetter(ElementInternals.prototype, "shadowRoot", (get) => {
    const root = get();
    listenIn(root);
    return root;
  });
  // The own world hands over a comment first, then puts it into the root for a moment: a closed root itself crosses no worlds. The
  // first script of ours in the page hears this alone, and tells the others.
  listenAtWindow("srae-root", (event) => {
    native.stop(event);
    const mark = native.relatedTarget(event);
    native.addListener(mark, "srae-root", () => listenTogether(native.rootNode(mark)), { once: true });
  });
}
