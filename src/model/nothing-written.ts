/** Failures of which it is sure that nothing was written: whoever else may write can be asked for the same. */
import type { ErrorDetails } from "./errors.ts";

const NOTHING_WRITTEN = Symbol("nothing was written");

/** Of such an error. */
export const nothingWritten: Pick<ErrorDetails, "cause"> = { cause: NOTHING_WRITTEN };

export function isNothingWritten(error: unknown): boolean {
  return error instanceof Error && error.cause === NOTHING_WRITTEN;
}
