/**
 * Topic patterns: MQTT filters with names for what stands at a place. Levels are text, "+", a last "#", text with one capture
 * in it ("tasmota_{device}"), or a last "{name...}" that takes all levels that are left, at least one.
 */
import { truncated, WatchpostError } from "../../model/errors.ts";

export interface TopicPattern {
  readonly text: string;
  /** What is subscribed to. */
  readonly filter: string;
  /** Names of captures: "source", "device", "metric", or that of a tag. */
  readonly names: ReadonlySet<string>;
  /** What stands at the captures; undefined: the topic is another one. */
  match(topic: string): Captures | undefined;
  /** Whether it takes every topic that another one does. */
  takesAllOf(other: TopicPattern): boolean;
}

export type Captures = ReadonlyMap<string, string>;

type Level =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "any" }
  | { readonly kind: "capture"; readonly name: string; readonly before: string; readonly after: string }
  | { readonly kind: "rest"; readonly name: string | undefined };

const PATTERN_BYTES_MAX = 1024;
const LEVELS_MAX = 64;
const WANTED = 'levels such as "factory", "+", "{device}", "sensor-{device}", and last "#" or "{metric...}"';

/** Throws INVALID_ARGUMENT. */
export function parseTopicPattern(text: string): TopicPattern {
  const parts = text.split("/");
  const isTooLong = Buffer.byteLength(text) > PATTERN_BYTES_MAX || parts.length > LEVELS_MAX;
  if (text === "" || text.includes("\0") || isTooLong) throw invalidPattern(text, WANTED);
  if (text.startsWith("$share/")) throw invalidPattern(text, 'the pattern alone, and the group as share = "GROUP"');
  const levels = parts.map((part, i) => parseLevel(text, part, i === parts.length - 1));
  const names = new Set<string>();
  for (const level of levels) {
    if (level.kind !== "capture" && level.kind !== "rest") continue;
    if (level.name === undefined) continue;
    if (names.has(level.name)) throw invalidPattern(text, `{${level.name}} once`);
    names.add(level.name);
  }
  const filter = levels.map(filterOf).join("/");
  return {
    ...{ text, filter, names },
    match: (topic) => matchLevels(levels, topic),
    takesAllOf: (other) => takesAll(levels, other.filter),
  };
}

function parseLevel(pattern: string, part: string, isLast: boolean): Level {
  if (part === "+") return { kind: "any" };
  if (part === "#" && isLast) return { kind: "rest", name: undefined };
  if (!/[{}+#]/.test(part)) return { kind: "text", text: part };
  const found = /^([^{}+#]*)\{([^{}+#]+)\}([^{}+#]*)$/.exec(part);
  if (found === null) throw invalidPattern(pattern, WANTED);
  const [, before, inner, after] = found;
  const isRest = inner.endsWith("...");
  const name = (isRest ? inner.slice(0, -3) : inner).replace(/^tag\./, "");
  if (name === "" || (isRest && (!isLast || before + after !== ""))) throw invalidPattern(pattern, WANTED);
  return isRest ? { kind: "rest", name } : { kind: "capture", name, before, after };
}

function filterOf(level: Level): string {
  if (level.kind === "text") return level.text;
  return level.kind === "rest" ? "#" : "+";
}

function matchLevels(levels: readonly Level[], topic: string): Captures | undefined {
  const parts = topic.split("/");
  // Topics of the broker itself are not meant by wildcards.
  if (topic.startsWith("$") && levels[0].kind !== "text") return undefined;
  const captures = new Map<string, string>();
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i];
    if (level.kind === "rest") {
      if (level.name === undefined) return captures;
      if (i >= parts.length) return undefined;
      return captures.set(level.name, parts.slice(i).join("/"));
    }
    if (i >= parts.length) return undefined;
    const part = parts[i];
    if (level.kind === "text") {
      if (part !== level.text) return undefined;
    } else if (level.kind === "capture") {
      const { name, before, after } = level;
      if (part.length < before.length + after.length || !part.startsWith(before) || !part.endsWith(after)) {
        return undefined;
      }
      captures.set(name, part.slice(before.length, part.length - after.length));
    }
  }
  return parts.length === levels.length ? captures : undefined;
}

/** Of a filter: "+" and "#" may be anything there, also no level at all. */
function takesAll(levels: readonly Level[], filter: string): boolean {
  const parts = filter.split("/");
  if (filter.startsWith("$") && levels[0].kind !== "text") return false;
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i];
    if (level.kind === "rest") return level.name === undefined || (i < parts.length && parts[i] !== "#");
    const part = parts[i];
    if (part === undefined || part === "#") return false;
    if (level.kind === "text" ? part !== level.text : !takesLevel(level, part)) return false;
  }
  return parts.length === levels.length;
}

function takesLevel(level: Exclude<Level, { kind: "text" | "rest" }>, part: string): boolean {
  if (level.kind === "any" || level.before + level.after === "") return true;
  const { before, after } = level;
  const isLongEnough = part.length >= before.length + after.length;
  return part !== "+" && isLongEnough && part.startsWith(before) && part.endsWith(after);
}

function invalidPattern(text: string, wanted: string): WatchpostError {
  return new WatchpostError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(truncated(text, 80))} is no topic pattern; wanted ${wanted}`,
  );
}
