/** What a series is called on the other side: labels as Prometheus has them. Pure. */
import { parseSeriesKey } from "../../model/series-key.ts";

export type LabelPair = readonly [name: string, value: string];

export interface PrometheusLabels {
  /** Sorted by name, each once, none empty. */
  readonly pairs: readonly LabelPair[];
  /** Whether two tags became one label: the later one in order of names stands. */
  readonly isJoined: boolean;
}

/** Labels that are made of other things than tags: a tag of that name gets this before it. */
const EXPORTED = "exported_";

/**
 * `__name__`, `source`, `device` and the tags, with every character that a name may not have as "_". External labels go with a
 * series that does not have them.
 */
export function prometheusLabels(seriesKey: string, external: readonly LabelPair[]): PrometheusLabels {
  const { metric, source, tags } = parseSeriesKey(seriesKey);
  const labels = new Map<string, string>();
  let isJoined = false;
  const device = tags.find(([key]) => key === "device")?.[1] || source;
  for (const [key, value] of tags) {
    if (value === "" || key === "device") continue;
    const plain = labelNameOf(key);
    const name = plain === "source" || plain === "device" || plain === "__name__" ? EXPORTED + plain : plain;
    isJoined ||= labels.has(name);
    labels.set(name, value);
  }
  labels.set("__name__", metricNameFor(metric));
  labels.set("source", source);
  labels.set("device", device);
  for (const [name, value] of external) if (!labels.has(name)) labels.set(name, value);
  const pairs = [...labels].filter(([, value]) => value !== "").sort(([a], [b]) => (a < b ? -1 : 1));
  return { pairs, isJoined };
}

export function metricNameFor(metric: string): string {
  const name = metric.replaceAll(/[^A-Za-z0-9_:]/gu, "_");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

export function labelNameOf(tag: string): string {
  const name = tag.replaceAll(/[^A-Za-z0-9_]/gu, "_");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}
