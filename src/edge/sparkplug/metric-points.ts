/** Metrics of a message as points. */
import type { IncomingPoint } from "../../model/incoming-point.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import type { Payload, Payload_Metric } from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";
import {
  addLeaves,
  aliasOf,
  isControl,
  propertyOf,
  type Definition,
  type Definitions,
  type Leaves,
  type Tags,
} from "./birth.ts";
import { numberOf } from "./data-type.ts";
import type { HostOutput } from "./host-output.ts";

export interface Sender {
  readonly source: string;
  /** Of all its points. */
  readonly tags: Tags;
  /** Missing: its birth was not seen. */
  readonly definitions: Definitions | undefined;
}

const QUALITY_KEYS = ["quality"];
/** Codes of the specification: bad, and stale. */
const BAD_QUALITIES = new Set([0, 500]);

/**
 * Gives the output all points of a message and counts what is none. Answers with why the sender's births are needed again, if they
 * are: what only has an alias is never stored on a guess.
 */
export function takeMetrics({ metrics, timestamp }: Payload, sender: Sender, output: HostOutput): string | undefined {
  let doubt: string | undefined;
  for (const metric of metrics) {
    const name = nameOf(metric, sender.definitions);
    if (typeof name !== "string") {
      output.leaveOut(name.leftOut);
      if (name.leftOut === "before birth") doubt ??= "data before birth";
      if (name.leftOut === "unknown alias") doubt ??= `unknown alias ${metric.alias}`;
      continue;
    }
    if (isControl(name)) continue;
    const doubtOfIt = takeMetric(name, metric, timestamp, sender, output);
    doubt ??= doubtOfIt;
  }
  return doubt;
}

function nameOf(metric: Payload_Metric, definitions: Definitions | undefined) {
  if (metric.name !== "") return metric.name;
  const alias = aliasOf(metric);
  if (alias === undefined) return { leftOut: "no name" } as const;
  if (definitions === undefined) return { leftOut: "before birth" } as const;
  const name = definitions.byAlias.get(alias);
  if (name === undefined) return { leftOut: "unknown alias" } as const;
  return name ?? ({ leftOut: "ambiguous alias" } as const);
}

function takeMetric(
  ownName: string,
  outer: Payload_Metric,
  sentMs: bigint,
  sender: Sender,
  output: HostOutput,
): string | undefined {
  let doubt: string | undefined;
  const leaves: Leaves = { found: [], tooLong: 0 };
  addLeaves(leaves, ownName, outer);
  if (leaves.tooLong > 0) output.leaveOut("name too long", leaves.tooLong);
  // Once for all members of a template: both they and the properties may be many.
  const isBad = hasBadQuality(outer);
  for (const { name, metric } of leaves.found) {
    const defined = sender.definitions?.byName.get(name);
    const definition = defined ?? undefinedMetric(name, metric, sender.tags);
    if (outer.isNull || metric.isNull) output.leaveOut("null");
    else if (outer.isTransient || metric.isTransient || definition.isTransient) output.leaveOut("transient");
    else if (isBad || (metric !== outer && hasBadQuality(metric))) output.leaveOut("bad quality");
    else {
      const isOther = metric.datatype !== 0 && definition.dataType !== 0 && metric.datatype !== definition.dataType;
      const value = isOther ? "wrong type" : numberOf(metric.value, definition.dataType || metric.datatype);
      if (typeof value === "number") {
        const isHistorical = outer.isHistorical || metric.isHistorical;
        const timeMs = metric.timestamp || outer.timestamp || sentMs;
        output.points.push(pointOf(definition, sender.source, timeMs, value));
        if (isHistorical) output.historical++;
        continue;
      }
      output.leaveOut(value);
      if (value === "wrong type") doubt ??= "a value that is not of its metric's type";
      if (value === "unknown type") doubt ??= defined === undefined ? "a metric that no birth has" : undefined;
    }
  }
  return doubt;
}

/** 0 on the wire is as good as no time. Times that cannot be are refused where all points are. */
function pointOf({ metric, tags }: Definition, source: string, timeMs: bigint, value: number): IncomingPoint {
  return { metric, source, tags, timeUs: timeMs === 0n ? NaN : Number(timeMs) * 1_000, value };
}

function undefinedMetric(name: string, { datatype: dataType }: Payload_Metric, tags: Tags): Definition {
  return { name, metric: metricNameOf(name), dataType, isTransient: false, tags };
}

function hasBadQuality(metric: Payload_Metric): boolean {
  const value = propertyOf(metric, QUALITY_KEYS)?.value;
  return (value?.case === "intValue" || value?.case === "longValue") && BAD_QUALITIES.has(Number(value.value));
}
