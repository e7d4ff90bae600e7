// Forms that are sent while a photo of theirs is being protected wait for it; else they would send an empty file.

import { forget, isFileInput, pendingIn, pendingOf, takeFrom } from "./inputs.js";
import { hasLeft, tell } from "./link.js";
import { hook, native } from "./natives.js";
import { listenEverywhere, listenIn } from "./roots.js";

const waiting = new WeakSet();

/** What is being protected of the form, or null. Inputs that no event told of are taken now. */
function unfinished(form) {
  for (const element of native.formElements(form)) if (isFileInput(element)) takeFrom(element);
  return pendingIn(form);
}

/** Sends the form when all its photos are protected; not at all where one was stopped. */
async function sendLater(form, send) {
  if (waiting.has(form)) return;
  waiting.add(form);
  const results = await unfinished(form);
  waiting.delete(form);
  if (!results || results.every(Boolean)) send();
}

/** The script that came later may have the photos by now: it stands in front of what the page's forms have. */
const submitLate = (form) => (hasLeft ? HTMLFormElement.prototype.submit.call(form) : native.submit(form));

function tellUpload(form) {
  const hasFiles = [...native.formElements(form)].some((element) => isFileInput(element) && native.files(element).length > 0);
  if (hasFiles && native.formMethod(form) === "post") tell({ type: "uploaded", address: native.formAction(form) });
}

export function guardForms() {
  listenEverywhere("submit", (event) => {
    const form = native.path(event)[0];
    if (!(form instanceof HTMLFormElement)) return;
    if (!unfinished(form)) return tellUpload(form);
    native.stop(event);
    native.prevent(event);
    const { submitter } = event;
    sendLater(form, () => resend(form, submitter));
  });
  hook(HTMLFormElement.prototype, "submit", (submit, form) => {
    if (unfinished(form)) return void sendLater(form, () => submitLate(form));
    tellUpload(form);
    return submit();
  });
  // A root in which nobody did anything yet is not known: a script can send its form all the same.
  hook(HTMLFormElement.prototype, "requestSubmit", (request, form, args) => {
    listenIn(native.rootNode(form));
    return request(...args);
  });
  // A form that is emptied stays empty, unless a later listener of the page says no to that.
  listenEverywhere("reset", (event) => {
    const form = native.path(event)[0];
    if (!event.isTrusted || !(form instanceof HTMLFormElement)) return;
    const before = pendingOf(form); // what is chosen after that stays
    setTimeout(() => event.defaultPrevented || forget(before));
  });
  guardRequired();
}

/**
 * A required input that was emptied for a moment is not missing: the browser's complaint is stopped, and the form is sent
 * later, as the person wanted. A page that only checks its form gets no such thing.
 */
function guardRequired() {
  let isChecked = false;
  let clicked = null;
  for (const object of [HTMLFormElement.prototype, HTMLInputElement.prototype]) {
    for (const name of ["checkValidity", "reportValidity"]) {
      hook(object, name, (check) => {
        isChecked = true;
        try {
          return check();
        } finally {
          isChecked = false;
        }
      });
    }
  }
  listenEverywhere("click", (event) => (clicked = native.path(event).find(({ type }) => type === "submit")));
  listenEverywhere("invalid", (event) => {
    const { form } = native.path(event)[0];
    if (!(form instanceof HTMLFormElement) || !pendingIn(form)) return;
    native.prevent(event);
    native.stop(event);
    if (!isChecked) sendLater(form, () => resend(form, clicked));
  });
}

function resend(form, submitter) {
  native.requestSubmit(form, ...(submitter?.form === form ? [submitter] : []));
}
