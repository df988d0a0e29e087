import type { Condition } from "./rule.ts";

/** A title is one line. */
const KEYS_MAX = 3;

/** The title of a rule that brings none: a template. */
export function defaultTitle(condition: Condition, groupBy: readonly string[] | undefined): string {
  const who = (groupBy ?? ["device"])
    .map(placeholderOf)
    .filter((each) => each !== undefined)
    .slice(0, KEYS_MAX)
    .join(" ");
  const what = who === "" ? "{metric}" : `{metric} of ${who}`;
  switch (condition.kind) {
    case "threshold":
    case "ladder":
    case "range":
    case "n_of_m":
      return `${what} is {value}`;
    case "window":
      return `${what}: ${condition.func} is {value}`;
    case "rate":
      return `${what} changes by {value} a second`;
    case "stuck":
      return `${what} is stuck at {value}`;
    case "absence":
      return `nothing is heard of ${who === "" ? "{metric}" : who}`;
    case "deviation":
      return `${what} is unusual: {value}`;
    case "seasonal":
      return `${what} is unusual for the hour: {value}`;
    case "device":
      return "{device} is {status}: {reason}";
    case "watchdog":
      return "alerts get through";
  }
}

/** Of a key that series are grouped by; undefined for "metric", which stands there anyway, and keys with braces. */
function placeholderOf(key: string): string | undefined {
  if (key === "source" || key === "device") return `{${key}}`;
  return key === "metric" || /[{}]/.test(key) ? undefined : `{labels.${key}}`;
}
