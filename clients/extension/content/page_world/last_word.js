// What the page's world says itself: only that the own world, which has the dialogs, does not answer any more.

import { dialogNothingSent as nothingGerman, dialogTitleFailed as titleGerman, hint_EXTENSION_GONE as hintGerman } from "../../_locales/de/messages.json";
import { dialogNothingSent as nothingEnglish, dialogTitleFailed as titleEnglish, hint_EXTENSION_GONE as hintEnglish } from "../../_locales/en/messages.json";

const say = alert.bind(window); // before the page can put its own in its place

/** Tells the person that an upload was stopped, for the extension is gone. */
export function sayGone() {
  const words = navigator.language.startsWith("de") ? [titleGerman, nothingGerman, hintGerman] : [titleEnglish, nothingEnglish, hintEnglish];
  say([...words.map(({ message }) => message), "EXTENSION_GONE"].join("\n\n"));
}
