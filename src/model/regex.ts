/**
 * Regular expressions of users: RE2 syntax, so that matching is linear in pattern × text whatever they write, and with
 * bounds that keep both small. No look-around and no back references: what needs backtracking does not exist in it.
 */
import type { RE2JS } from "re2js";
import { messageOf } from "./errors.ts";

/** Of all expressions of a request together: compiling classes of characters takes a while for each. */
export const REGEX_LENGTH_MAX = 512;
/** Instructions of one compiled expression; repetitions such as {1,1000} make many out of few characters. */
const PROGRAM_SIZE_MAX = 1_000;

/** Whether the whole of a text matches. Throws RangeError with what is wrong with the pattern. */
export function compileRegex(pattern: string): (text: string) => boolean {
  if (pattern.length > REGEX_LENGTH_MAX) throw new RangeError(`it has more than ${REGEX_LENGTH_MAX} characters`);
  const compiled = compiledOf(pattern);
  if (compiled.programSize() > PROGRAM_SIZE_MAX) throw new RangeError("its repetitions make it too large");
  return (text) => compiled.testExact(text);
}

function compiledOf(pattern: string): RE2JS {
  // Late: few servers have any, and its tables of characters are large.
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new RangeError(messageOf(error).replace(/^error parsing regexp: /, ""), { cause: error });
  }
}
