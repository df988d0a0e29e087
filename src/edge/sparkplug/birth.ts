/** What a birth certificate says: names, aliases, types, units, and what the device is. */
import { isFieldSet } from "@bufbuild/protobuf";
import type { AnnouncedSensor } from "../../model/device-event.ts";
import { METRIC_NAME_LENGTH_MAX } from "../../model/limits.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import {
  Payload_MetricSchema,
  type Payload,
  type Payload_Metric,
  type Payload_PropertyValue,
} from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";
import { isNumeric } from "./data-type.ts";
import { PROPERTIES_MAX, PROPERTY_LENGTH_MAX, UNIT_LENGTH_MAX } from "./limits.ts";
import { BDSEQ_METRIC } from "./payload.ts";

export type Tags = readonly (readonly [key: string, value: string])[];

/** A metric as its birth defines it. */
export interface Definition {
  /** As Sparkplug names it, with the names of the templates it is in. */
  readonly name: string;
  readonly metric: string;
  readonly dataType: number;
  readonly isTransient: boolean;
  /** Of its points. */
  readonly tags: Tags;
}

/** The metrics of one device, or those of an edge node itself. */
export interface Definitions {
  readonly byName: ReadonlyMap<string, Definition>;
  /** Null: two metrics have it, so it names neither. */
  readonly byAlias: ReadonlyMap<bigint, string | null>;
}

export interface Birth extends Definitions {
  readonly sensors: readonly AnnouncedSensor[];
  readonly model: string | undefined;
  readonly firmware: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
}

/** A metric that is no template: a metric of a payload, or a member of one that is a template. */
export interface Leaf {
  readonly name: string;
  readonly metric: Payload_Metric;
}

/** The tag that has the Sparkplug name where two metrics of a device would be one series without it. */
export const NAME_TAG = "sparkplug_name";

export interface Leaves {
  readonly found: Leaf[];
  /** Metrics and templates whose names would be too long for a metric's. */
  tooLong: number;
}

/**
 * Adds what a metric consists of. Payloads hold no templates deeper than TEMPLATE_DEPTH_MAX (payload.ts); long names would
 * be repeated in each of their members. Definitions of templates are no readings.
 */
export function addLeaves(leaves: Leaves, name: string, metric: Payload_Metric): void {
  if (name.length > METRIC_NAME_LENGTH_MAX) leaves.tooLong++;
  else if (metric.value.case !== "templateValue") leaves.found.push({ name, metric });
  else if (!metric.value.value.isDefinition) {
    for (const member of metric.value.value.metrics) addLeaves(leaves, `${name}/${member.name}`, member);
  }
}

/** Metrics that are there to steer a node, or to tell its sessions apart. */
export function isControl(name: string): boolean {
  return name === BDSEQ_METRIC || name.startsWith("Node Control/") || name.startsWith("Device Control/");
}

export function aliasOf(metric: Payload_Metric): bigint | undefined {
  return isFieldSet(metric, Payload_MetricSchema.field.alias) ? metric.alias : undefined;
}

/** `tags`: of all points of the device. */
export function readBirth({ metrics }: Payload, tags: Tags): Birth {
  const leaves: Leaves = { found: [], tooLong: 0 };
  const byAlias = new Map<bigint, string | null>();
  for (const metric of metrics) {
    if (metric.name === "") continue;
    addLeaves(leaves, metric.name, metric);
    const alias = aliasOf(metric);
    if (alias === undefined) continue;
    const other = byAlias.get(alias);
    byAlias.set(alias, other === undefined || other === metric.name ? metric.name : null);
  }
  const names = Map.groupBy(new Set(leaves.found.map(({ name }) => name)), metricNameOf);
  const byName = new Map<string, Definition>();
  const sensors = new Map<string, AnnouncedSensor>();
  const texts: [name: string, value: string][] = [];
  for (const { name, metric: leaf } of leaves.found) {
    const { value, datatype: dataType, isTransient } = leaf;
    const metric = metricNameOf(name);
    const isShared = names.get(metric)!.length > 1;
    byName.set(name, { name, metric, dataType, isTransient, tags: isShared ? [...tags, [NAME_TAG, name]] : tags });
    if (value.case === "stringValue" && !leaf.isNull) texts.push([name, value.value]);
    if (!isNumeric(dataType) || isControl(name)) continue;
    const unit = textProperty(leaf, UNIT_KEYS)?.slice(0, UNIT_LENGTH_MAX);
    const text = textProperty(leaf, DESCRIPTION_KEYS)?.slice(0, PROPERTY_LENGTH_MAX);
    sensors.set(metric, {
      metric,
      ...(unit === undefined ? {} : { unit }),
      ...descriptionOf(name, metric, text),
    });
  }
  return { byName, byAlias, sensors: [...sensors.values()], ...selfDescription(texts) };
}

/** The edge node's session that a birth or death belongs to; undefined: it does not say. */
export function sessionOf({ metrics }: Payload): bigint | undefined {
  const value = metrics.find(({ name }) => name === BDSEQ_METRIC)?.value;
  return value?.case === "longValue" || value?.case === "intValue" ? BigInt(value.value) : undefined;
}

const UNIT_KEYS = ["engunit", "engineering units", "engineeringunit", "unit", "units"];
const DESCRIPTION_KEYS = ["documentation", "description"];
const MODEL = /(^|\/)(hardware|hw|device)?[ _]?model$/i;
const FIRMWARE = /(^|\/)(firmware|fw|software|sw)([ _]?(version|ver|rev|revision))?$/i;

export function propertyOf(metric: Payload_Metric, keys: readonly string[]): Payload_PropertyValue | undefined {
  if (metric.properties === undefined) return undefined;
  const at = metric.properties.keys.findIndex((key) => keys.includes(key.toLowerCase()));
  const found = at < 0 ? undefined : metric.properties.values[at];
  return found?.isNull ? undefined : found;
}

function textProperty(metric: Payload_Metric, keys: readonly string[]): string | undefined {
  const value = propertyOf(metric, keys)?.value;
  return value?.case === "stringValue" && value.value !== "" ? value.value : undefined;
}

/** A name that is not as the device says it goes into the description, where it can be read again. */
function descriptionOf(name: string, metric: string, text: string | undefined): { description?: string } {
  if (metric === name) return text === undefined ? {} : { description: text };
  const original = `Sparkplug metric ${name.slice(0, PROPERTY_LENGTH_MAX)}`;
  return { description: text === undefined ? original : `${text} (${original})` };
}

function selfDescription(texts: readonly (readonly [name: string, value: string])[]) {
  const find = (pattern: RegExp) =>
    texts.find(([name, value]) => pattern.test(name) && value !== "")?.[1].slice(0, PROPERTY_LENGTH_MAX);
  const told = texts.filter(([name]) => name.length <= PROPERTY_LENGTH_MAX && !isControl(name));
  const properties = new Map(
    told
      .slice(0, PROPERTIES_MAX)
      .map(([name, value]) => [name.replace(/^Properties\//, ""), value.slice(0, PROPERTY_LENGTH_MAX)]),
  );
  return { model: find(MODEL), firmware: find(FIRMWARE), properties };
}
