/** What an import is of, before it is compared with what there is. Pure. */
import { invalidField } from "../model/errors.ts";
import { countJsonValues } from "../model/json-values.ts";
import { csvDevices } from "./csv-devices.ts";
import { Problems, refuseTooMany, type Imported } from "./import-problems.ts";
import type { Turns } from "./in-turns.ts";
import { jsonDevices } from "./json-devices.ts";

const CONTENT_BYTES_MAX = 16 * 1024 * 1024;
/** Of ten thousand devices with ten sensors each, of which all is said; parsed at once, in a few ten milliseconds. */
const VALUES_MAX = 1_500_000;

/** Throws INVALID_ARGUMENT for a format that there is not and what is too large; all else is a problem. */
export function* importedDevices(format: string, content: Uint8Array): Turns<Imported> {
  if (format !== "csv" && format !== "json") throw invalidField("format", format, '"csv" or "json"');
  if (content.length > CONTENT_BYTES_MAX) {
    throw invalidField("content", `${content.length} bytes`, `at most ${CONTENT_BYTES_MAX}: import it in parts`);
  }
  if (format === "json") refuseTooMany("values", countJsonValues(content, VALUES_MAX), VALUES_MAX);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    const problems = new Problems();
    problems.add("the content is not UTF-8; wanted text in UTF-8");
    return { devices: [], problems };
  }
  return yield* format === "csv" ? csvDevices(text) : jsonDevices(text.replace(/^\ufeff/, ""));
}
