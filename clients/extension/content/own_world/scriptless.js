// Documents in which no script of the page may run, a sandboxed frame without allow-scripts for one: ours in the page's world
// does not run there either. Only the browser's own forms send from them, so what a person chooses is protected from here.

import { CHUNK_BYTES } from "../../shared/chunks.js";
import { fromBase64 } from "../../shared/base64.js";
import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { tellBackground } from "./background_link.js";
import { decide } from "./batch.js";
import { isLinked } from "./link.js";

// A form's fields may have these names, and would stand in their place.
const property = (name) => (form) => Reflect.get(HTMLFormElement.prototype, name, form);
const [elementsOf, methodOf, actionOf] = ["elements", "method", "action"].map(property);
const pending = new Map(); // input -> promise: what was chosen is being protected
const isFileInput = (element) => element?.localName === "input" && element.type === "file";

/** Guards what is chosen in the document. */
export const guardScriptless = () => guardRoot(window);

/** Guards what is chosen in a shadow root: change and submit do not come out of it. */
export function guardRoot(root) {
  for (const type of ["input", "change"]) root.addEventListener(type, onChosen, true);
  root.addEventListener("submit", onSubmit, true);
}

function onChosen(event) {
  if (isLinked()) return; // the page world's script came later
  const input = event.composedPath()[0];
  if (event.type === "change" && pending.has(input)) return; // the second event of one choice
  if (!event.isTrusted || !isFileInput(input) || input.files.length === 0) return;
  const files = [...input.files];
  input.files = listOf([]);
  const work = replace(files).catch(() => null).then((results) => {
    if (pending.get(input) !== work) return; // chosen again meanwhile
    pending.delete(input);
    if (results) input.files = listOf(results);
  });
  pending.set(input, work);
}

/** A form that is sent while its photos are being protected waits for them; where one was stopped, it is not sent. */
function onSubmit(event) {
  if (isLinked()) return;
  const form = event.target;
  const inputs = [...elementsOf(form)].filter(isFileInput);
  const waits = inputs.filter((input) => pending.has(input));
  if (waits.length > 0) {
    event.preventDefault();
    const { submitter } = event;
    Promise.all(waits.map((input) => pending.get(input))).then(() => {
      if (waits.every((input) => input.files.length > 0)) HTMLFormElement.prototype.requestSubmit.call(form, submitter);
    });
  } else if (methodOf(form) === "post" && inputs.some((input) => input.files.length > 0)) {
    tellBackground({ type: "uploaded", address: actionOf(form) }).catch(() => {});
  }
}

/** What may be sent in place of the files, in their order, or null for nothing. */
async function replace(files) {
  const described = await Promise.all(files.map(describe));
  const asked = described.filter(({ kind }) => kind !== "other");
  const answers = new Map(); // description -> what became of it
  if (asked.length > 0 && !(await decideInto(answers, asked))) return null;
  return files.map((file, index) => answers.get(described[index]) ?? file);
}

/** Puts the protected photos into answers; returns whether the files may go. The person is asked about whatever goes wrong here. */
async function decideInto(answers, asked, failure = "") {
  const verdict = await decide(asked, failure);
  if (!verdict) return false;
  try {
    verdict.forEach((answer, index) => answer.as === "protected" && answers.set(asked[index], photoOf(asked[index], answer)));
    return true;
  } catch (error) {
    return decideInto(answers, asked, String(error));
  }
}

function photoOf({ made, lastModified }, { name, type, size }) {
  const photo = new File(made, name, { type, lastModified });
  if (photo.size !== size) throw new Error("a piece of the photo was lost");
  return photo;
}

/** The file as batch.js takes it, and the pieces of the protected photo that come back. */
async function describe(file) {
  const { name, type, size, lastModified } = file;
  const made = [];
  const read = (seq) => textOf(file.slice(seq * CHUNK_BYTES, (seq + 1) * CHUNK_BYTES));
  const take = (seq, data) => made.splice(seq, Infinity, fromBase64(data));
  const head = size === 0 ? "" : await textOf(file.slice(0, HEAD_BYTES));
  const kind = head === null ? "photo" : kindOf(fromBase64(head)); // what can not be read fails on its way
  return { name, type, size, lastModified, kind, read, take, made };
}

/** A blob as base64, or null where it can not be read. By way of a text: in Firefox the document's array buffers can not be read from here. */
function textOf(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => resolve(null));
    reader.readAsDataURL(blob);
  });
}

function listOf(files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  return transfer.files;
}
