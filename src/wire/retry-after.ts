/** When to try again, as HTTP says it. Pure. */
import { WatchpostError } from "../model/errors.ts";

/** Headers: none where an error does not say. */
export function retryAfter(error: unknown): Record<string, string> {
  if (!(error instanceof WatchpostError) || error.retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))) };
}
