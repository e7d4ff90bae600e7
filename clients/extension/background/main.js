// The background script: Chromium's service worker and Firefox's event page. It only wires the parts together, and
// registers every listener at once, as both browsers ask.

import { joinBox } from "./box_ports.js";
import * as health from "./health.js";
import { HostPort } from "./host_port.js";
import { answerContentScript } from "./content_messages.js";
import { answerOwnPage } from "./page_messages.js";
import { servePagePort } from "./page_ports.js";
import { servePhotoPort } from "./photo_ports.js";
import { makeMenus, onMenu } from "./restore_menu.js";
import { registerGrantedSites } from "./granted_sites.js";
import { closePasses } from "./wall.js";

const host = new HostPort(chrome.runtime, (failure) => (failure ? health.note(failure) : health.noteHello()));

/** What only the extension's own pages may ask is decided by who asks, not by what is asked. */
const isOwnPage = (sender) => sender?.id === chrome.runtime.id && (sender.url?.startsWith(chrome.runtime.getURL("pages/")) ?? false);

chrome.runtime.onConnect.addListener((port) => {
  if (port.name === "protect" && port.sender?.id === chrome.runtime.id) servePhotoPort(port, host);
  else if (port.name === "box" && port.sender?.id === chrome.runtime.id) joinBox(port);
  else if (port.name === "file" && isOwnPage(port.sender)) servePagePort(port, host);
  else port.disconnect();
});

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  if (sender.id !== chrome.runtime.id) return false;
  const work = isOwnPage(sender) ? answerOwnPage(message, host) : answerContentScript(message, sender, host);
  work.then((value) => answer({ value }), (error) => answer({ failure: { code: error.code ?? "INTERNAL",
    message: error.message, hint: error.hint ?? "" } }));
  return true;
});

chrome.contextMenus.onClicked.addListener((click, tab) => onMenu(click, tab, host));
chrome.runtime.onInstalled.addListener(makeMenus);
chrome.permissions.onAdded.addListener(registerGrantedSites);
chrome.permissions.onRemoved.addListener(registerGrantedSites);
registerGrantedSites(); // at every start, the browser's and an update's too: Chromium forgets them then
chrome.tabs.onUpdated.addListener((tabId, change) => change.status === "loading" && change.url && health.forget(tabId));
chrome.tabs.onRemoved.addListener((tabId) => health.forget(tabId));

// The host's health is known before the first photo, and looked at again while it is bad. Passes end by the same clock.
const look = () => {
  health.look(host).catch(() => {});
  closePasses();
};
chrome.alarms.onAlarm.addListener(look);
chrome.alarms.create("look at the host's health", { periodInMinutes: 1 });
chrome.runtime.onStartup.addListener(look);
look();
