/** What becomes objects is counted before any of it does: few bytes may be millions of them, made in one turn of the event loop. */
import type { DescMessage } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { countJsonValues } from "../model/json-values.ts";
import { BATCH_POINTS_MAX, TAGS_MAX } from "../model/limits.ts";
import { countFields } from "../wire/message-count.ts";

/** Of a call, also of values in JSON: a device with a thousand sensors, of which all is said, has ten thousand. */
export const FIELDS_MAX = 50_000;
/** Of a batch as JSON: a point, what it says beside its tags, and those. */
export const BATCH_VALUES_MAX = BATCH_POINTS_MAX * (8 + TAGS_MAX);
/** More than any message has; the decoder's own. */
const DEPTH_MAX = 100;

/**
 * Throws INVALID_ARGUMENT where there are more than {@link FIELDS_MAX}, those of messages within included; another error, which says why,
 * where it cannot be read.
 */
export function refuseManyFields(schema: DescMessage, bytes: Uint8Array): void {
  // Each takes a byte at the least.
  if (bytes.length <= FIELDS_MAX || countFields(schema, bytes, FIELDS_MAX, DEPTH_MAX) <= FIELDS_MAX) return;
  throw tooMany(schema, "fields", FIELDS_MAX);
}

/** The same of values in JSON. */
export function refuseManyValues(schema: DescMessage, json: Uint8Array, max: number): void {
  if (countJsonValues(json, max) > max) throw tooMany(schema, "values", max);
}

function tooMany({ typeName }: DescMessage, what: string, max: number): WatchpostError {
  const message = `${typeName} has more than ${max} ${what}, those within it included; wanted at most so many: send less at once`;
  return new WatchpostError("INVALID_ARGUMENT", message);
}
