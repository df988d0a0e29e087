/** Names of other systems as metric names. */

/**
 * A metric name of what another system calls something: every character (code point) other than ASCII letters, digits, "_"
 * and "." becomes "_". So two names may become one; whoever maps them has to keep those apart. Lengths are left as they are.
 */
export function metricNameOf(text: string): string {
  return text.replace(/[^A-Za-z0-9_.]/gu, "_");
}
