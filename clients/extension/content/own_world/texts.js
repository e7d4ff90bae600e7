// The texts of the dialogs, in the browser's language. Read early: when the extension is reloaded under the page, its texts
// are out of reach, and just then one is needed.

const kept = new Map();
const EARLY = ["dialogTitleFailed", "dialogDontSend", "hint_EXTENSION_GONE", "dialogNothingSent", "dialogWhy"];

/** The message of that key, with substitutions; the key itself where there is none. */
export function text(key, ...substitutions) {
  try {
    const found = chrome.i18n.getMessage(key, substitutions.map(String));
    if (found) kept.set(key, found);
    return found || kept.get(key) || key;
  } catch {
    return kept.get(key) ?? key;
  }
}

export const keepTexts = () => EARLY.forEach((key) => text(key, "…"));
