/**
 * What callers are told of an error, cut to what they take: over gRPC it travels in trailers. Clients on gRPC Core fail calls with
 * more than 8 KiB of them, whatever the status; much more ends the connection, with all other calls on it.
 */
import { WatchpostError } from "../model/errors.ts";

/** Of the text and the details as they are written, beside names and other trailers. */
const WRITTEN_BYTES_MAX = 7.5 * 1024;
const TEXT_BYTES_MAX = 2 * 1024;
/** Around each detail: keys, lengths, the address of its type. */
const FRAMING_BYTES = 48;
const ELLIPSIS = "…";

/** With its text, and the text of each violation, as {@link headerText}; details that do not fit are left out. */
export function toldError(error: WatchpostError): WatchpostError {
  const { status, violations, retryAfterMs, messages } = error;
  const message = headerText(error.message);
  // Details are base64, and say the text once more.
  let room = ((WRITTEN_BYTES_MAX - encodeURI(message).length) * 3) / 4 - Buffer.byteLength(message) - FRAMING_BYTES;
  const fits = (bytes: number) => {
    if (bytes + FRAMING_BYTES > room) return false;
    room -= bytes + FRAMING_BYTES;
    return true;
  };
  return new WatchpostError(status, message, {
    violations: violations
      .map(({ field, description }) => ({ field, description: headerText(description) }))
      .filter(({ field, description }) => fits(Buffer.byteLength(field) + Buffer.byteLength(description))),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    messages: messages.filter(({ typeName, value }) => fits(typeName.length + value.length)),
  });
}

/** At most 2 KiB percent-encoded, as a header has it; with an ellipsis where cut, between two code points. */
export function headerText(text: string): string {
  // Long text is not encoded whole; half of a surrogate pair cannot be.
  const start = text.slice(0, TEXT_BYTES_MAX + 1).toWellFormed();
  if (start.length === text.length && encodeURI(start).length <= TEXT_BYTES_MAX) return start;
  let room = TEXT_BYTES_MAX - encodeURI(ELLIPSIS).length;
  let length = 0;
  for (const char of start) {
    room -= encodeURI(char).length;
    if (room < 0) break;
    length += char.length;
  }
  return start.slice(0, length) + ELLIPSIS;
}
