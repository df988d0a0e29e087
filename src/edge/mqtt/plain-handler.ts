/** Numbers and JSON of devices that say what they measure by their topic, as points. */
import { messageOf } from "../../model/errors.ts";
import type { IncomingPoint } from "../../model/incoming-point.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import { jsonReader, type NamedNumber, type ReadJson } from "./json-points.ts";
import { numberOfText } from "./plain-numbers.ts";
import type { TopicSettings } from "./settings.ts";
import type { Handled, IncomingMessage, TopicHandler } from "./topic-handler.ts";
import type { Captures } from "./topic-pattern.ts";

/** What all messages of a topic have in common. */
interface TopicFacts {
  readonly base: string | undefined;
  readonly source: string;
  readonly tags: readonly (readonly [key: string, value: string])[];
}

/** `defaultSource`: where neither topic nor settings name one. */
export function plainHandler(settings: TopicSettings, defaultSource: string): TopicHandler {
  const read = jsonReader(settings);
  // A topic that comes again has the same captures.
  const known = new WeakMap<Captures, TopicFacts>();
  const factsOf = (captures: Captures): TopicFacts => {
    const found = known.get(captures);
    if (found !== undefined) return found;
    const facts = {
      base: settings.metric ?? captures.get("metric"),
      source: settings.source ?? captures.get("source") ?? defaultSource,
      tags: tagsOf(captures, settings),
    };
    known.set(captures, facts);
    return facts;
  };
  return {
    handle(message) {
      if (message.retain && settings.retained === "ignore") return leftOut("retained", 1);
      const facts = factsOf(message.captures);
      try {
        return pointsOf(message, facts, numbersOf(message.payload, facts.base, settings, read), settings);
      } catch (error) {
        return { malformed: messageOf(error) };
      }
    },
  };
}

function pointsOf(
  { stampUs, retain }: IncomingMessage,
  { source, tags }: TopicFacts,
  found: readonly NamedNumber[],
  { retained }: TopicSettings,
): Handled {
  if (found.length === 0) return leftOut("no number", 1);
  const needsTime = retain && retained === "with_time";
  const points: IncomingPoint[] = [];
  for (const { metric, value, timeUs, tags: own } of found) {
    if (needsTime && timeUs === undefined) continue;
    points.push({
      metric,
      source,
      tags: own.length === 0 ? tags : [...tags, ...own],
      timeUs: timeUs ?? stampUs,
      value,
    });
  }
  const without = found.length - points.length;
  return without === 0 ? { points } : { points, ...leftOut("retained without a time", without) };
}

function numbersOf(
  payload: Uint8Array,
  base: string | undefined,
  { payload: kind, words }: TopicSettings,
  read: ReadJson,
): NamedNumber[] {
  const text = textOf(payload);
  if (kind === "json") return read(parseJson(text), base);
  const value = numberOfText(text, words);
  if (value === undefined) {
    if (kind === "auto" && /^\s*[[{"]/.test(text)) return read(parseJson(text), base);
    throw new Error(kind === "auto" ? "it is neither a number nor JSON" : "it is no number");
  }
  if (base === undefined) throw new Error("the number has no name: the topic gives none");
  return [{ metric: metricNameOf(base), value, timeUs: undefined, tags: [] }];
}

function textOf(payload: Uint8Array): string {
  try {
    return UTF8.decode(payload);
  } catch {
    throw new Error("it is not UTF-8");
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`it is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

const IN_SERIES = new Set(["source", "metric"]);

function tagsOf(captures: Captures, { device, tags }: TopicSettings): [string, string][] {
  const out: [string, string][] = [...tags];
  // A tag without a value is none.
  for (const [name, value] of captures) if (!IN_SERIES.has(name) && value !== "") out.push([name, value]);
  if (device !== undefined) out.push(["device", device]);
  return out;
}

function leftOut(reason: string, count: number): Handled {
  return { leftOut: new Map([[reason, count]]) };
}
