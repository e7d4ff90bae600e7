// A content script's port named "protect" carries one photo: described, chunked, answered. Closing it cancels.
// The action is fixed here: whatever comes over such a port, nothing but protect is asked of the host.

import { Assembly, FILE_BYTES, split } from "../shared/chunks.js";
import { Failure } from "../shared/failure.js";
import { HEAD_BYTES, kindOf } from "../shared/kind.js";
import * as health from "./health.js";
import { remember } from "./journal.js";
import { madeBefore, noteMade } from "./made_photos.js";
import { protectParams, settings, siteOf } from "./policy.js";
import { RateLimit } from "./rate_limit.js";
import { Room } from "../shared/room.js";

const places = new Room(4); // photos at the host; others wait their turn, so that 32 requests are never reached
const limit = new RateLimit({ count: 240, seconds: 60 }); // of a page that asks for more than a person chooses

/** Serves one port until it is answered or closed. */
export function servePhotoPort(port, host) {
  const assembly = new Assembly();
  const abort = new AbortController();
  let described = null;
  port.onDisconnect.addListener(() => abort.abort());
  const answer = (message) => abort.signal.aborted || port.postMessage(message);
  port.onMessage.addListener((message) => {
    try {
      if (message.type === "photo" && !described) described = checkedDescription(message);
      else if (message.type === "chunk" && described) assembly.add(message);
      else throw new Failure("INVALID_REQUEST", "an unknown message");
      if (described.size_bytes > assembly.size) return;
      if (described.size_bytes < assembly.size) throw new Failure("FILE_SIZE_MISMATCH");
      protect(host, port.sender, described, assembly.bytes(), abort.signal, answer);
    } catch (error) {
      answer({ type: "failed", ...Failure.from(error).toMessage() });
      port.disconnect();
    }
  });
}

function checkedDescription({ name, mime_type, size_bytes }) {
  if (typeof name !== "string" || typeof mime_type !== "string" || !Number.isInteger(size_bytes) || size_bytes < 1) {
    throw new Failure("INVALID_REQUEST", "a photo without a description");
  }
  if (size_bytes > FILE_BYTES) throw new Failure("FILE_TOO_LARGE");
  return { name, mime_type, size_bytes };
}

async function protect(host, sender, described, bytes, signal, answer) {
  await limit.turn(sender.tab?.id ?? -1);
  await places.enter();
  try {
    const known = await madeBefore(bytes);
    if (known) return give(answer, { name: described.name, mime_type: known.mime_type, bytes }, known.result);
    const isPrivate = Boolean(sender.tab?.incognito);
    const name = isPrivate ? "photo" : hostName(described.name);
    const { result, files } = await host.request("protect", {
      params: { ...protectParams(await settings()), page_origin: isPrivate ? "" : String(sender.origin ?? originOf(sender.url)).slice(0, 512) },
      files: { photo: { name, mime_type: described.mime_type.slice(0, 255), bytes } },
      onStage: (stage) => answer({ type: "progress", stage }),
      signal,
    });
    checkOutput(bytes, files.photo);
    const photo = { ...files.photo, name: givenName(described.name, name, files.photo.name) };
    await noteMade(photo, result);
    give(answer, photo, result);
    await health.note(null);
    await health.count(sender.tab?.id);
    if (!isPrivate) await remember({ site: siteOf(sender.tab?.url ?? sender.url), original: bytes, photo, result });
  } catch (error) {
    const failure = Failure.from(error);
    await health.note(failure);
    answer({ type: "failed", ...failure.toMessage() });
  } finally {
    places.leave();
  }
  return undefined;
}

function give(answer, { name, mime_type, bytes }, { is_protected, views, protected_psnr_db, bit_exact, input_bits }) {
  for (const chunk of split(bytes)) answer({ type: "chunk", ...chunk });
  answer({ type: "protected", name, mime_type, size_bytes: bytes.length,
    result: { is_protected, views, protected_psnr_db, bit_exact, input_bits } });
}

/** The host is not believed: what it gives must be a photo, and not the original. */
function checkOutput(original, photo) {
  if (!photo || kindOf(photo.bytes.subarray(0, HEAD_BYTES)) !== "photo") {
    throw new Failure("HOST_ANSWER_INVALID", "no photo came back");
  }
  const isSame = photo.bytes.length === original.length && photo.bytes.every((byte, index) => byte === original[index]);
  if (isSame) throw new Failure("UNCHANGED_OUTPUT");
}

function originOf(address) {
  try {
    return new URL(address).origin;
  } catch {
    return "null";
  }
}

/** A name that the protocol takes. */
export function hostName(name) {
  // eslint-disable-next-line no-control-regex
  return name.replace(/[/\\\u0000-\u001f\u007f-\u009f]/g, "_").slice(-255) || "photo";
}

/** The page gets its own name, with the ending that the host gave where the type changed. */
export function givenName(own, asked, returned) {
  if (asked === returned) return own;
  const ending = /\.[^.]*$/.exec(returned)?.[0] ?? "";
  return own.replace(/\.[^.]*$/, "") + ending;
}
