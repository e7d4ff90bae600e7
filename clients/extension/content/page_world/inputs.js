// File inputs, wherever they are: in the page, in shadow roots, in no document at all. The page sees nothing of a chosen
// photo until it is protected; then it sees it as if it had just been chosen.

import { approve, isApproved } from "./approval.js";
import { tell } from "./link.js";
import { hook, hookGetter, listenAtWindow, native } from "./natives.js";
import { isOff, release } from "./release.js";
import { listenEverywhere } from "./roots.js";

const pending = new WeakMap(); // input -> {done: promise}
const ours = new WeakSet(); // events that this script fires
const adopted = new WeakSet();

export const isOurs = (event) => ours.has(event);
/** Fires an event that is let pass. Returns whether its default may happen. */
export function fire(target, event) {
  ours.add(event);
  return native.dispatch(target, event);
}

/** What is being protected of the form, [[input, state]]. */
export const pendingOf = (form) => [...native.formElements(form)].map((input) => [input, pending.get(input)]).filter(([, state]) => state);

/** Resolves when nothing of the form is being protected any more; null where nothing is. */
export function pendingIn(form) {
  const waits = pendingOf(form).map(([, { done }]) => done);
  return waits.length > 0 ? Promise.all(waits) : null;
}

/** What was being protected is no longer wanted. */
export function forget(before) {
  for (const [input, state] of before) if (pending.get(input) === state) pending.delete(input);
}

/** A FileList (or the empty one) of files. */
export function listOf(files) {
  const transfer = new native.DataTransfer();
  for (const file of files) transfer.items.add(file);
  return transfer.files;
}

const CHOSEN = ["input", "change"]; // one choice fires both
/** By its name too: an element of the page's own making can have such a type. */
export const isFileInput = (element) => element?.localName === "input" && element.type === "file";
const isClean = (list) => Array.prototype.every.call(list, isApproved);

/** Takes what was chosen out of the input, and puts back what the page may have. Returns whether there was something. */
export function takeFrom(input) {
  const list = native.files(input);
  if (!list || list.length === 0 || isOff() || isClean(list)) return false;
  const files = [...list];
  const state = {};
  pending.set(input, state);
  native.setFiles(input, listOf([]));
  state.done = giveBack(input, files, state);
  return true;
}

async function giveBack(input, files, state) {
  const results = await release(files, "chosen").catch(() => null);
  if (pending.get(input) !== state) return false; // chosen again meanwhile
  pending.delete(input);
  if (!results) {
    fire(input, new Event("cancel", { bubbles: true }));
    return false;
  }
  native.setFiles(input, listOf(results));
  for (const file of native.files(input)) approve(file);
  fire(input, new Event("input", { bubbles: true, composed: true }));
  fire(input, new Event("change", { bubbles: true }));
  return true;
}

function onChosen(event) {
  if (ours.has(event)) return;
  const input = native.path(event)[0];
  if (!isFileInput(input)) return;
  const isPending = pending.has(input) && native.files(input).length === 0;
  if (isPending || takeFrom(input)) native.stop(event);
}

/** A detached input's events pass no window: the listener sits on the input itself, before the page's. */
function adopt(input) {
  if (adopted.has(input)) return;
  adopted.add(input);
  for (const type of CHOSEN) native.addListener(input, type, onChosen, { capture: true });
}

export function guardInputs() {
  for (const type of CHOSEN) listenEverywhere(type, onChosen);
  hookGetter(HTMLInputElement.prototype, "files", (get, input) => {
    const list = get();
    if (!list || list.length === 0 || isOff() || isClean(list)) return list;
    takeFrom(input);
    return native.files(input);
  });
  // Entries lead to the chosen files past all this; a page without them reads the files.
  hookGetter(HTMLInputElement.prototype, "webkitEntries", (get, input) => (isOff() ? get() : []));
  adoptInputs();
  wakeOnPickers();
}

function adoptInputs() {
  for (const [object, name] of [[Document.prototype, "createElement"], [Document.prototype, "createElementNS"],
    [Node.prototype, "cloneNode"], [Document.prototype, "importNode"]]) {
    hook(object, name, (make, self, args) => {
      const node = make(...args);
      if (node instanceof HTMLInputElement) adopt(node);
      return node;
    });
  }
  hook(EventTarget.prototype, "addEventListener", (add, self, args) => {
    if (self instanceof HTMLInputElement && (args[0] === "change" || args[0] === "input")) adopt(self);
    return add(...args);
  });
  for (const [object, name] of [[HTMLElement.prototype, "click"], [HTMLInputElement.prototype, "showPicker"]]) {
    hook(object, name, (open, self, args) => {
      if (self instanceof HTMLInputElement && native.inputType(self) === "file") {
        adopt(self);
        if (!isOff()) tell({ type: "wake" });
      }
      return open(...args);
    });
  }
}

function wakeOnPickers() {
  listenAtWindow("click", (event) => {
    if (!isOff() && isFileInput(native.path(event)[0])) tell({ type: "wake" });
  });
}
