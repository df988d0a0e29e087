import { WatchpostError } from "../model/errors.ts";

/** RESOURCE_EXHAUSTED for a query that would take more rows than may be. */
export function tooManyRows(what: string): WatchpostError {
  return new WatchpostError("RESOURCE_EXHAUSTED", `${what}: ask for a shorter range or a larger step`);
}
