// The scripts of ours in one page. Firefox puts this one into the open pages again when the extension is reloaded: what the page has by
// then was approved by those before, and the first of them hears before the page does what the own world shows, of which the page
// must not hear. So each says to the first what it can do, and is told whom to ask. On a page that is just loaded nobody hears this,
// for no script of it has run.

import { listenAtWindow, native } from "./natives.js";

const members = []; // {knows, listenIn} of each, as far as this one was told: the first is told of all
let elderKnows = () => false;

/** Whether a script of ours that was in this page before approved it. */
export const isKnownToElder = (value) => elderKnows(value);

/** Has each script of ours listen in the root. */
export function listenTogether(root) {
  for (const { listenIn } of members) listenIn(root);
}

/**
 * @param knows called with a value: whether it was approved here
 * @param listenIn called with a root in which to listen
 */
export function meetFamily(knows, listenIn) {
  members.push({ knows, listenIn });
  const meeting = { knows, listenIn, elder: null };
  native.dispatch(window, new CustomEvent("srae-elder", { detail: meeting }));
  elderKnows = meeting.elder ?? elderKnows;
  if (meeting.elder) return;
  listenAtWindow("srae-elder", (event) => {
    native.stop(event);
    members.push(event.detail);
    event.detail.elder = (value) => members.some((member) => member.knows(value));
  });
}
