/** Bounds on what people write. */
import { invalidField } from "./errors.ts";

export const NAME_LENGTH_MAX = 256;
/** Bytes of UTF-8. */
export const TEXT_BYTES_MAX = 64 * 1024;
const SESSION_ID_LENGTH_MAX = 128;
const LINE_BREAK = /[\n\v\f\r\x85\u2028\u2029]/;

/** A name of something, in one line. */
export function nameIn(text: string, field: string, lengthMax = NAME_LENGTH_MAX): string {
  if (text.length > lengthMax) throw invalidField(field, text, `at most ${lengthMax} characters`);
  return text;
}

/** A title: one line without space around it, or "". */
export function lineIn(text: string, field: string, lengthMax = NAME_LENGTH_MAX): string {
  const line = nameIn(text, field, lengthMax).trim();
  if (LINE_BREAK.test(line)) throw invalidField(field, text, "one line of text");
  return line;
}

/** Text as it is, whatever stands in it. */
export function textIn(text: string, field: string, bytesMax = TEXT_BYTES_MAX): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) throw invalidField(field, `${bytes} bytes`, `at most ${bytesMax}`);
  return text;
}

/** It stands in addresses, files and command lines. */
export function sessionIdIn(text: string, field = "session_id"): string {
  if (text.length <= SESSION_ID_LENGTH_MAX && /^[\p{L}\p{N}][\p{L}\p{N}_.:@-]*$/u.test(text)) return text;
  const wanted = `letters, digits, '-', '_', '.', ':' and '@', at most ${SESSION_ID_LENGTH_MAX}, a letter or digit first`;
  throw invalidField(field, text, wanted);
}
