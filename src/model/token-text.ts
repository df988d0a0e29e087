/** A token as somebody keeps it, in a file or a variable. Pure. */
import { WatchpostError } from "./errors.ts";

/** Visible ASCII, which is what a header can carry: more would be refused with the token in the message. */
const ONE_WORD = /^[\x21-\x7e]+$/;

/** Without what stands around it. Throws INVALID_ARGUMENT, which does not show it. `from`: such as "--token-file: me.token". */
export function tokenIn(text: string, from: string): string {
  const token = text.trim();
  if (ONE_WORD.test(token)) return token;
  const what = token === "" ? "is empty" : `has ${token.length} characters that are no token`;
  throw new WatchpostError("INVALID_ARGUMENT", `${from} ${what}; wanted one on a line of its own, such as wp_…`);
}

/** What people are told of a setting: a token may stand in it where its hash, or the file that holds it, was wanted. */
export function withoutTokens(text: string): string {
  return text.replaceAll(/wp_[0-9a-f]{10}_[\w-]+/g, "<secret>");
}
