// Documents in which no script of the page may run, a sandboxed frame without allow-scripts for one: ours in the page's world
// does not run there either. Only the browser's own forms send from them, so what a person chooses is protected from here.

import { Assembly, FILE_BYTES, split } from "../../shared/chunks.js";
import { fromBase64 } from "../../shared/base64.js";
import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { tellBackground } from "./background_link.js";
import { decide } from "./batch.js";
import { isLinked } from "./link.js";

const pending = new Map(); // input -> promise: what was chosen is being protected
const isFileInput = (element) => element?.nodeName === "INPUT" && element.type === "file";

export function guardScriptless() {
  for (const type of ["input", "change"]) window.addEventListener(type, onChosen, true);
  window.addEventListener("submit", onSubmit, true);
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
  const inputs = [...form.elements].filter(isFileInput);
  const waits = inputs.filter((input) => pending.has(input));
  if (waits.length > 0) {
    event.preventDefault();
    const { submitter } = event;
    Promise.all(waits.map((input) => pending.get(input))).then(() => {
      if (waits.every((input) => input.files.length > 0)) form.requestSubmit(submitter);
    });
  } else if (form.method === "post" && inputs.some((input) => input.files.length > 0)) {
    tellBackground({ type: "uploaded", address: form.action }).catch(() => {});
  }
}

/** What may be sent in place of the files, in their order, or null for nothing. */
async function replace(files) {
  const described = await Promise.all(files.map(describe));
  const asked = described.filter(({ kind }) => kind !== "other");
  const answers = asked.length > 0 ? await decide(asked) : [];
  if (!answers) return null;
  return files.map((file, index) => {
    const answer = answers[asked.indexOf(described[index])];
    return answer?.as === "protected" ? photoOf(answer, file.lastModified) : file;
  });
}

async function describe(file) {
  const { name, type, size } = file;
  if (size === 0) return { name, type, size, kind: "other", chunks: null };
  try {
    const kind = kindOf(await bytesOf(file.slice(0, HEAD_BYTES)));
    const isNeeded = kind === "photo" && size <= FILE_BYTES;
    return { name, type, size, kind, chunks: isNeeded ? Array.from(split(await bytesOf(file)), ({ data }) => data) : null };
  } catch {
    return { name, type, size, kind: "photo", chunks: null }; // what can not be read fails on its way
  }
}

/** The bytes of a blob, by way of a text: in Firefox the document's array buffers can not be read from here. */
function bytesOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(fromBase64(reader.result.slice(reader.result.indexOf(",") + 1))));
    reader.addEventListener("error", () => reject(new Error("unreadable")));
    reader.readAsDataURL(blob);
  });
}

function photoOf({ name, type, chunks }, lastModified) {
  const assembly = new Assembly();
  chunks.forEach((data, seq) => assembly.add({ seq, data }));
  return new File([assembly.bytes()], name, { type, lastModified });
}

function listOf(files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  return transfer.files;
}
