// What went wrong, as a code of clients/native_host/PROTOCOL.md or one of the extension's own, which never go over the wire.

/** Codes that only the extension knows. Append only. */
export const OWN_CODES = [
  "EXTENSION_GONE", // the extension was reloaded or removed under the page
  "BACKGROUND_GONE", // the browser ended the background script
  "RATE_LIMITED", // no longer raised: more photos than a person chooses wait
  "BLOCKED_TYPE", // the policy stops animations and videos
  "UNREADABLE_FILE", // the browser could not read the chosen file
];

/** Codes of the protocol that the extension raises itself, and whether the same request can succeed later. */
const RETRYABLE = new Set(["HOST_DIED", "HOST_SILENT", "REQUEST_TIMEOUT", "BACKGROUND_GONE", "UNREADABLE_FILE"]);

export class Failure extends Error {
  constructor(code, message = "", { hint = "", retryable = RETRYABLE.has(code) } = {}) {
    super(message || code);
    this.name = "Failure";
    this.code = code;
    this.hint = hint;
    this.retryable = retryable;
  }

  /** As a plain object, for messages. */
  toMessage() {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable };
  }

  static from(error) {
    if (error instanceof Failure) return error;
    return new Failure("INTERNAL", String(error?.message ?? error), { retryable: true });
  }
}
