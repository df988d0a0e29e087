/** Names of other systems as metric names. */
import { METRIC_NAME_LENGTH_MAX } from "./limits.ts";

/** Far more than a name may have. */
export const MAPPED_LENGTH_MAX = 4 * METRIC_NAME_LENGTH_MAX;

/**
 * A metric name of what another system calls something: every character (code point) other than ASCII letters, digits, "_"
 * and "." becomes "_". So two names may become one; whoever maps them has to keep those apart. What is too long stays too long,
 * but no more than {@link MAPPED_LENGTH_MAX} characters of it are looked at, however many points have it.
 */
export function metricNameOf(text: string): string {
  return text.slice(0, MAPPED_LENGTH_MAX).replace(/[^A-Za-z0-9_.]/gu, "_");
}
