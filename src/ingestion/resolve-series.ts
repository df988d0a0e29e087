import {
  METRIC_NAME_LENGTH_MAX,
  SOURCE_BYTES_MAX,
  TAG_KEY_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX,
} from "../model/limits.ts";
import { truncated } from "../model/errors.ts";
import { seriesKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { WatchpostError } from "../model/errors.ts";
import type { Allowance } from "../wire/allowance.ts";
import type { SeriesResolver } from "../wire/decoded-batch.ts";

/** Begins what is said of a point whose sender has made as many series as it may: it is taken once that is over. */
const TOO_MANY_NEW = "would be a new series: ";
const METRIC_NAME = /^[A-Za-z0-9_.]+$/;

/** Finds or adds the series a point names, after judging the names. Answers with its id or with why it has none. */
export function seriesResolver(registry: SeriesRegistry): SeriesResolver {
  return (metric, source, tags, refusalOfNew) => {
    const refusal = refusalOfSeries(metric, source, tags);
    if (refusal !== undefined) return refusal;
    const key = seriesKey(metric, source, tags);
    return registry.idOf(key) ?? refusalOfNew?.() ?? registry.add(key, source);
  };
}

/** `resolve`, for whoever may make so many series only. `onLimited` is called with each refusal for that, which says when to try again. */
export function resolverWithin(
  resolve: SeriesResolver,
  allowance: Allowance | undefined,
  onLimited: (refusal: WatchpostError) => void,
): SeriesResolver {
  if (allowance === undefined) return resolve;
  const refusalOfNew = () => {
    const refusal = allowance.refusal("new_series_per_hour");
    if (refusal !== undefined) {
      onLimited(refusal);
      return TOO_MANY_NEW + refusal.message;
    }
    allowance.use("new_series_per_hour", 1);
    return undefined;
  };
  return (metric, source, tags) => resolve(metric, source, tags, refusalOfNew);
}

/** Whether a point has no series since its sender has made as many as it may for now. */
export function isOfTooManyNew(reason: string): boolean {
  return reason.startsWith(TOO_MANY_NEW);
}

/** Why nothing may be called so; undefined: it may. */
export function refusalOfSeries(
  metric: string,
  source: string,
  tags: readonly (readonly [string, string])[],
): string | undefined {
  return refusalOfMetric(metric) ?? refusalOfSource(source) ?? refusalOfTags(tags);
}

function refusalOfMetric(metric: string): string | undefined {
  if (metric === "") return "metric_name is empty; wanted letters, digits, '_' and '.'";
  if (metric.length > METRIC_NAME_LENGTH_MAX) {
    return `metric_name has ${metric.length} characters; wanted at most ${METRIC_NAME_LENGTH_MAX}`;
  }
  if (!METRIC_NAME.test(metric)) return `metric_name is ${quoted(metric)}; wanted letters, digits, '_' and '.' only`;
  return undefined;
}

export function refusalOfSource(source: string): string | undefined {
  return refusalOfText("source", source, SOURCE_BYTES_MAX);
}

function refusalOfTags(tags: readonly (readonly [string, string])[]): string | undefined {
  if (tags.length > TAGS_MAX) {
    const distinct = new Set(tags.map(([key]) => key)).size;
    if (distinct > TAGS_MAX) return `has ${distinct} tags; wanted at most ${TAGS_MAX}`;
  }
  for (const [key, value] of tags) {
    if (key === "") return "has a tag with an empty key";
    const refusal =
      refusalOfText("a tag's key", key, TAG_KEY_BYTES_MAX) ??
      refusalOfText(`tag ${quoted(key)}`, value, TAG_VALUE_BYTES_MAX);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusalOfText(what: string, text: string, bytesMax: number): string | undefined {
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    return `${what} has ${Buffer.byteLength(text)} bytes; wanted at most ${bytesMax}`;
  }
  return text.includes("\0") ? `${what} is ${quoted(text)}; wanted no NUL character` : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(truncated(text, 64));
}
