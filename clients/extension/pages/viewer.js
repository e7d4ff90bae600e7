// Shows a restored photo, where no page can read it.

import { fromBase64 } from "../shared/base64.js";
import { call, localise, make, text } from "./page.js";
import { saveAs } from "./save.js";

const id = location.hash.slice(1);
const place = (name) => document.getElementById(name);
const state = (words, className = "") => Object.assign(place("state"), { textContent: words, className });

function button(key, onClick) {
  const element = make("button", { text: text(key) });
  element.addEventListener("click", () => Promise.resolve(onClick()).catch((error) => state(error.message, "bad")));
  return element;
}

function show({ name, data, verified }) {
  const bytes = fromBase64(data);
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

localise();
try {
  show(await call("restored", { id }));
} catch (error) {
  state(error.message, "bad");
  if (error.code === "NOT_IN_LEDGER") {
    place("buttons").append(button("viewerWithout", async () => show(await call("restore entry", { id, entry: null }))));
  }
}
