// A frame's dialogs and notices are shown in its tab's page, for a frame may be small: the two content scripts are joined here.

/** Joins a frame's port named "box" with one to the tab's top frame. Whoever closes one end closes the other. */
export function joinBox(port) {
  const tabId = port.sender?.tab?.id;
  if (tabId === undefined) return port.disconnect();
  const around = chrome.tabs.connect(tabId, { frameId: 0, name: "box" });
  for (const [from, to] of [[port, around], [around, port]]) {
    from.onMessage.addListener((message) => to.postMessage(message));
    from.onDisconnect.addListener(() => {
      void chrome.runtime.lastError; // no script of the extension's is there: the frame shows its box itself
      to.disconnect();
    });
  }
  return undefined;
}
