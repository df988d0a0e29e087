/** What becomes objects is counted before any of it does: few bytes may be millions of them, made in one turn of the event loop. */
import type { DescMessage } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { countJsonValues } from "../model/json-values.ts";
import { BATCH_POINTS_MAX, TAGS_MAX } from "../model/limits.ts";
import { countFields } from "../wire/message-count.ts";

/** Of a call: a device with a thousand sensors, of which all is said, has ten thousand. */
export const FIELDS_MAX = 50_000;
/** Of a batch where it becomes a message: a point, what it says beside its tags, and of each tag itself, key and value. */
export const BATCH_FIELDS_MAX = BATCH_POINTS_MAX * (8 + 3 * TAGS_MAX);
/** More than any message has; the decoder's own. */
const DEPTH_MAX = 100;

/**
 * Throws INVALID_ARGUMENT where there are more than `max`, those of messages within included; another error, which says why,
 * where it cannot be read.
 */
export function refuseManyFields(schema: DescMessage, bytes: Uint8Array, max = FIELDS_MAX): void {
  // Each takes a byte at the least.
  if (bytes.length > max && countFields(schema, bytes, max, DEPTH_MAX) > max) throw tooMany(schema, "fields", max);
}

/** The same of values in JSON. */
export function refuseManyValues(schema: DescMessage, json: Uint8Array, max = FIELDS_MAX): void {
  if (countJsonValues(json, max) > max) throw tooMany(schema, "values", max);
}

function tooMany({ typeName }: DescMessage, what: string, max: number): WatchpostError {
  const message = `${typeName} has more than ${max} ${what}, those within it included; wanted at most so many: send less at once`;
  return new WatchpostError("INVALID_ARGUMENT", message);
}
