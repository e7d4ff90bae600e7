// Shows a restored photo, where no page can read it.

import { call, callWithFile, localise, make, text } from "./page.js";
import { saveAs } from "./save.js";

const id = location.hash.slice(1);
const place = (name) => document.getElementById(name);
const state = (words, className = "") => Object.assign(place("state"), { textContent: words, className });

function button(key, onClick) {
  const element = make("button", { text: text(key) });
  element.addEventListener("click", () => Promise.resolve(onClick()).catch((error) => state(error.message, "bad")));
  return element;
}

function show({ name, bytes, verified }) {
  const key = verified === null ? "viewerUnchecked" : verified ? "viewerExact" : "viewerNear";
  state(text(key), verified ? "good" : "");
  place("photo").replaceChildren(make("img", {
    className: "photo", alt: text("viewerAlt"), src: URL.createObjectURL(new Blob([bytes], { type: "image/png" })) }));
  place("buttons").replaceChildren(
    button("viewerSave", () => saveAs(name, bytes, "image/png")),
    button("viewerReplace", async () => {
      if (!confirm(text("viewerReplaceSure"))) return;
      await call("replace in page", { id });
      state(text("viewerReplaced"));
    }),
  );
}

/** Asks for the key's passphrase, here where no page sees it, and restores when it was the right one. */
function askPassphrase() {
  const field = make("input", { type: "password", id: "passphrase", autocomplete: "off", required: true, maxLength: 1024 });
  const unlock = make("button", { text: text("viewerUnlock") });
  const form = make("form", {}, [
    make("p", { text: text("viewerPassphrase") }), make("label", { htmlFor: "passphrase", text: text("viewerPassphraseLabel") }, [field]), unlock]);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    unlock.disabled = true;
    const passphrase = field.value;
    field.value = "";
    try {
      await call("unlock", { passphrase });
      state(text("viewerWorking"));
      place("photo").replaceChildren();
      await restore("restore again");
    } catch (error) {
      state(error.message, "bad");
      unlock.disabled = false;
      field.focus();
    }
  });
  place("photo").replaceChildren(form);
  field.focus();
}

async function restore(type, more = {}) {
  try {
    show(await callWithFile(type, { id, ...more }));
  } catch (error) {
    state(error.message, "bad");
    if (error.code === "NOT_IN_LEDGER") place("buttons").replaceChildren(button("viewerWithout", () => restore("restore again", { withoutReceipt: true })));
    if (error.code === "KEY_LOCKED") askPassphrase();
  }
}

localise();
await restore("restored");
