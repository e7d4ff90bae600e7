// Drop and paste: the event is stopped, its photos are protected, and it is fired again with what the page may have.

import { approve, isApproved } from "./approval.js";
import { carryEntries } from "./entries.js";
import { fire, isOurs, listOf } from "./inputs.js";
import { hook, listenAtWindow, native } from "./natives.js";
import { isOff, release } from "./release.js";
import { rootOf } from "./roots.js";

/** All of a transfer that outlives its event: {files, extras (entry and handle of each file), strings}. */
function readTransfer(transfer) {
  const files = [];
  const extras = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const file = item.getAsFile();
    const entry = item.webkitGetAsEntry?.() ?? null;
    if (!file && !entry?.isDirectory) continue;
    // A folder's place is kept by an empty file; what is in it is protected when the page reads it.
    files.push(entry?.isDirectory ? approve(new native.File([], entry.name)) : file);
    extras.push({ entry, handle: item.getAsFileSystemHandle?.() ?? null });
  }
  const strings = [...transfer.types].filter((type) => type !== "Files").map((type) => [type, transfer.getData(type)]);
  return { files, extras, strings };
}

function makeTransfer(files, strings) {
  const transfer = new native.DataTransfer();
  for (const [type, text] of strings) transfer.setData(type, text);
  for (const file of files) transfer.items.add(file);
  return transfer;
}

/** The event's true target, inside of shadow roots. */
function targetOf(event) {
  let target = native.path(event)[0];
  for (let root = rootOf(target); root && event.clientX !== undefined; root = rootOf(target)) {
    const inner = root.elementFromPoint(event.clientX, event.clientY);
    if (!inner || inner === target) break;
    target = inner;
  }
  return target;
}

function guard(type, { transferOf, makeEvent, afterwards, onNothing = () => {}, isHarmless = () => false }) {
  listenAtWindow(type, (event) => {
    const transfer = transferOf(event);
    if (isOurs(event) || isOff() || !transfer || ![...transfer.types].includes("Files") || isHarmless(event)) return;
    const { files, extras, strings } = readTransfer(transfer);
    if (files.length === 0 || (files.every(isApproved) && extras.every(({ entry }) => !entry?.isDirectory))) return;
    native.stop(event);
    native.prevent(event);
    const target = targetOf(event);
    const effects = { dropEffect: transfer.dropEffect, effectAllowed: transfer.effectAllowed };
    release(files, "chosen").catch(() => null).then((results) => {
      if (!results) return onNothing(target, event);
      const made = makeTransfer(results, strings);
      Object.assign(made, effects);
      for (const file of made.files) approve(file);
      carryEntries(made, results, extras);
      if (fire(target, makeEvent(event, made))) afterwards(target, results, Object.fromEntries(strings));
    });
  });
}

const PLACE = ["clientX", "clientY", "screenX", "screenY", "ctrlKey", "shiftKey", "altKey", "metaKey", "button", "buttons"];

function dragEvent(type, event, dataTransfer) {
  const place = Object.fromEntries(PLACE.map((name) => [name, event[name]]));
  return withTransfer(new DragEvent(type, { bubbles: true, cancelable: true, composed: true, view: window, ...place, dataTransfer }),
    "dataTransfer", dataTransfer);
}

function pasteEvent(_, clipboardData) {
  const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, composed: true, clipboardData });
  return withTransfer(event, "clipboardData", clipboardData);
}

/** Firefox drops the files of a transfer that is given to the constructor. */
function withTransfer(event, name, transfer) {
  if (event[name]?.files.length !== transfer.files.length) Object.defineProperty(event, name, { value: transfer });
  return event;
}

/** What the browser does with a drop that the page leaves to it: a file input takes the files. */
function dropOnInput(target, files) {
  if (!(target instanceof HTMLInputElement) || native.inputType(target) !== "file") return;
  const taken = native.isMultiple(target) ? files : files.slice(0, 1);
  native.setFiles(target, listOf(taken));
  for (const file of native.files(target)) approve(file);
  fire(target, new Event("input", { bubbles: true, composed: true }));
  fire(target, new Event("change", { bubbles: true }));
}

const heardAt = new WeakSet(); // what the page listens for pastes at
const isFirst = document.readyState === "loading"; // else a script of the page may have listened before

function noteListeners() {
  hook(EventTarget.prototype, "addEventListener", (add, self, args) => {
    if (args[0] === "paste") heardAt.add(self ?? window);
    return add(...args);
  });
}

const isTextField = (target) => target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && native.inputType(target) !== "file");

/** A text field takes text alone: where the page does not listen, the files of the clipboard go nowhere. */
const takesTextAlone = (event) => isFirst && isTextField(native.path(event)[0]) && !native.path(event).some((node) => heardAt.has(node) || node.onpaste);

/**
 * What the browser does with a paste that the page leaves to it: editable text takes the text with its looks, or else the text,
 * or else the pictures. Cells and paragraphs of Office programs come with a picture of themselves.
 */
function pasteIntoText(target, files, { "text/html": html = "", "text/plain": text = "" }) {
  if (isTextField(target)) return void insert("insertText", text);
  if (!(target.isContentEditable ?? target.parentElement?.isContentEditable)) return undefined;
  if (insert("insertHTML", cleaned(html)) || insert("insertText", text)) return undefined;
  for (const file of files) {
    if (/^image\//.test(native.blobType(file))) insert("insertImage", URL.createObjectURL(file));
  }
  return undefined;
}

function insert(command, value) {
  try {
    return value !== "" && document.execCommand(command, false, value);
  } catch {
    return false; // a page that trusts no markup
  }
}

/** The markup without what could run; none where it has no words but only pictures, or where the browser can not clean it. */
function cleaned(html) {
  const { body } = document.implementation.createHTMLDocument("");
  body.setHTML?.(html);
  return body.textContent.trim() === "" ? "" : body.innerHTML;
}

export function guardTransfers() {
  noteListeners();
  guard("drop", {
    transferOf: (event) => event.dataTransfer, makeEvent: (event, made) => dragEvent("drop", event, made), afterwards: dropOnInput,
    onNothing: (target, event) => fire(target, dragEvent("dragleave", event, new native.DataTransfer())),
  });
  guard("paste", { transferOf: (event) => event.clipboardData, makeEvent: pasteEvent, afterwards: pasteIntoText, isHarmless: takesTextAlone });
}
