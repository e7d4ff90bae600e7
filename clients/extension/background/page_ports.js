// Ports of the extension's own pages named "file", for what holds a file, either way: a message holds 64 MiB at most.

import { Assembly, split } from "../shared/chunks.js";
import { Failure } from "../shared/failure.js";
import { answerWithFile } from "./page_messages.js";

/** Serves one port: takes chunks, then {asked}; gives chunks, then {value} or {failure}. */
export function servePagePort(port, host) {
  const assembly = new Assembly();
  let isOpen = true;
  port.onDisconnect.addListener(() => (isOpen = false));
  const answer = (message) => isOpen && port.postMessage(message);
  port.onMessage.addListener(async (message) => {
    try {
      if (message.type === "chunk") return assembly.add(message);
      const { bytes, ...value } = await answerWithFile(message.asked, assembly.bytes(), host);
      for (const chunk of bytes ? split(bytes) : []) answer({ type: "chunk", ...chunk });
      return answer({ type: "answer", value });
    } catch (error) {
      return answer({ type: "answer", failure: Failure.from(error).toMessage() });
    }
  });
}
