/** Numbers and JSON of devices that say what they measure by their topic, as points. */
import { messageOf } from "../../model/errors.ts";
import type { IncomingPoint } from "../../model/incoming-point.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import { jsonPoints, type NamedNumber } from "./json-points.ts";
import { numberOfText } from "./plain-numbers.ts";
import type { TopicSettings } from "./settings.ts";
import type { Handled, IncomingMessage, TopicHandler } from "./topic-handler.ts";
import type { Captures } from "./topic-pattern.ts";

/** `defaultSource`: where neither topic nor settings name one. */
export function plainHandler(settings: TopicSettings, defaultSource: string): TopicHandler {
  return {
    handle(message) {
      if (message.retain && settings.retained === "ignore") return leftOut("retained", 1);
      try {
        return pointsOf(message, settings, defaultSource);
      } catch (error) {
        return { malformed: messageOf(error) };
      }
    },
  };
}

function pointsOf(message: IncomingMessage, settings: TopicSettings, defaultSource: string): Handled {
  const { captures, stampUs, retain } = message;
  const base = settings.metric ?? captures.get("metric");
  const found = numbersOf(message.payload, base, settings);
  if (found.length === 0) return leftOut("no number", 1);
  const source = settings.source ?? captures.get("source") ?? defaultSource;
  const tags = tagsOf(captures, settings);
  const needsTime = retain && settings.retained === "with_time";
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

function numbersOf(payload: Uint8Array, base: string | undefined, settings: TopicSettings): NamedNumber[] {
  const text = textOf(payload);
  if (settings.payload === "json") return jsonPoints(parseJson(text), base, settings);
  const value = numberOfText(text, settings.words);
  if (value === undefined) {
    if (settings.payload === "auto" && /^\s*[[{"]/.test(text)) return jsonPoints(parseJson(text), base, settings);
    throw new Error(settings.payload === "auto" ? "it is neither a number nor JSON" : "it is no number");
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
