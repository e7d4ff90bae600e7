// What becomes of a batch of files that the page would get: asks the person where they are to be asked, has the photos
// protected, and stops the whole batch where one can not be.

import { FILE_BYTES } from "../../shared/chunks.js";
import { Failure } from "../../shared/failure.js";
import { Room } from "../../shared/room.js";
import { tellBackground } from "./background_link.js";
import { describeBits, describeView } from "./notice.js";
import { askPerson, showNotice, showProgress } from "./person.js";
import { protectPhoto } from "./photo_request.js";
import * as questions from "./questions.js";

const AT_ONCE = 4;
const places = new Room(AT_ONCE); // for all batches of the page: it may ask for each file of a folder by itself

/**
 * Resolves with an answer for each file, or null: the page gets nothing. Whatever goes wrong, the person is told.
 * @param files [{name, type, kind, size, read, take}], see page_files.js
 * @param failure what went wrong with them before, as a text
 */
export async function decide(files, failure = "") {
  try {
    if (failure) {
      for (const file of files) finished.delete(file);
      throw new Error(failure);
    }
    return await answersTo(files);
  } catch (error) {
    return afterFailure(files, [{ file: files[0], failure: Failure.from(error) }]);
  }
}

async function answersTo(files) {
  const policy = await tellBackground({ type: "policy" });
  if (policy.mode === "off") return originals(files);
  const others = files.filter(({ kind }) => kind !== "photo");
  const blocked = others.filter(({ kind }) => policy[`${kind}s`] === "block");
  if (blocked.length > 0) {
    return afterFailure(files, blocked.map((file) => ({ file, failure: new Failure("BLOCKED_TYPE") })));
  }
  if (policy.mode === "ask" && files.some(({ kind }) => kind === "photo")) {
    const answer = await askPerson(questions.protectThese(files));
    if (answer === "original") return sendOriginals(files, "ASKED");
    if (answer !== "protect") return null;
  }
  const warned = others.filter(({ kind }) => policy[`${kind}s`] === "warn");
  if (warned.length > 0) showNotice([questions.unprotectedTypes(warned)]);
  return protectAll(files);
}

const originals = (files) => files.map(() => ({ as: "original" }));

async function sendOriginals(files, code) {
  try {
    await tellBackground({ type: "originals sent", count: files.length, code });
  } catch (error) {
    // What can not be logged is not sent.
    return afterFailure(files, [{ file: files[0], failure: Failure.from(error) }]);
  }
  return originals(files);
}

const finished = new WeakMap(); // photo -> its answer: where others of the batch fail, "Try again" has those only to do

async function protectAll(files) {
  const abort = new AbortController();
  const progress = showProgress(files.length, () => abort.abort());
  const answers = files.map((file) => (file.kind === "photo" ? finished.get(file) : { as: "original" }));
  const failures = [];
  let done = answers.filter(Boolean).length;
  const todo = files.keys();
  const work = async () => {
    for (const index of todo) {
      if (answers[index] || failures.length > 0) continue;
      try {
        const photo = await protectOne(files[index], (stage) => progress.set(done, stage), abort.signal);
        answers[index] = { as: "protected", ...photo };
        finished.set(files[index], answers[index]);
        done += 1;
        progress.set(done, "");
      } catch (error) {
        failures.push({ file: files[index], failure: Failure.from(error) });
        abort.abort();
      }
    }
  };
  const isCancelled = () => failures[0]?.failure.code === "CANCELLED";
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  progress.end();
  if (isCancelled()) return null;
  if (failures.length > 0) return afterFailure(files, failures.slice(0, 1));
  return afterProtecting(files, answers);
}

async function protectOne(file, onStage, signal) {
  if (file.size > FILE_BYTES) throw new Failure("FILE_TOO_LARGE");
  await places.enter();
  try {
    if (signal.aborted) throw new Failure("CANCELLED");
    return await protectPhoto(file, { onStage, signal });
  } finally {
    places.leave();
  }
}

/** A photo whose answer did not change goes out only when the person says so. */
async function afterProtecting(files, answers) {
  const made = answers.filter(({ as }) => as === "protected");
  const weak = made.filter(({ result }) => result.is_protected === false);
  if (weak.length > 0 && (await askPerson(questions.notProtected(weak))) !== "send") return null;
  if (made.length > 0 && weak.length === 0) showNotice([...made.slice(0, 4).map(describeView), ...describeBits(made)]);
  return answers.map(({ as, name, type, size }) => ({ as, name, type, size }));
}

async function afterFailure(files, failures) {
  const { code } = failures[0].failure;
  const answer = await askPerson(questions.failed(failures));
  if (answer === "again") return decide(files);
  return answer === "original" ? sendOriginals(files, code) : null;
}
