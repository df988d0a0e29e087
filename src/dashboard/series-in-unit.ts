/** Which series can be told in the unit that was asked for. The others are left out by name, and hold up no answer. */
import { invalidField } from "../model/errors.ts";
import { deviceOf, parseSeriesKey } from "../model/series-key.ts";
import { conversionBetween, isUnit } from "../model/units.ts";
import { isCount, type Asked } from "./answer-units.ts";
import type { Work } from "./sliced-work.ts";

export interface SeriesInUnit {
  /** In the order given. */
  readonly keys: readonly string[];
  readonly notes: readonly string[];
}

export interface UnitsDeps {
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
  /** Runs what goes over all series in slices. */
  inSlices<T>(work: Work<T>): Promise<T>;
}

const NAMED_MAX = 3;
/** Between two looks at the time. */
const KEYS_PER_CHECK = 512;

/**
 * Throws INVALID_ARGUMENT, naming `unit`, where there are series and none of them can be told in it, and what it is that they have
 * instead; as `inSlices` does.
 */
export async function seriesInUnit(
  asked: Asked,
  keys: readonly string[],
  { unitOf, inSlices }: UnitsDeps,
): Promise<SeriesInUnit> {
  if (asked.unit === "" || isCount(asked)) return { keys, notes: [] };
  const units = await inSlices(unitsOf(keys, unitOf));
  const fitting = new Set<string>();
  for (const unit of units) if ((await conversionBetween(unit, asked.unit)) !== undefined) fitting.add(unit);
  if (fitting.size === 0) await refuseUnit(asked.unit, units);
  if (fitting.size === units.size) return { keys, notes: [] };
  const { kept, count, some } = await inSlices(divided(keys, unitOf, fitting));
  const more = count > some.length ? ` and ${count - some.length} more` : "";
  const many = count === 1 ? "1 series is" : `${count} series are`;
  return {
    keys: kept,
    notes: [`${many} left out, which cannot be told in ${asked.unit}: ${some.join(", ")}${more}`],
  };
}

function* unitsOf(keys: readonly string[], unitOf: (key: string) => string): Work<ReadonlySet<string>> {
  const units = new Set<string>();
  for (const [i, key] of keys.entries()) {
    if (i % KEYS_PER_CHECK === 0) yield;
    units.add(unitOf(key));
  }
  return units;
}

/** `some`: the first of those that do not fit, with why. */
function* divided(keys: readonly string[], unitOf: (key: string) => string, fitting: ReadonlySet<string>) {
  const kept: string[] = [];
  const some: string[] = [];
  for (const [i, key] of keys.entries()) {
    if (i % KEYS_PER_CHECK === 0) yield;
    const unit = unitOf(key);
    if (fitting.has(unit)) kept.push(key);
    else if (some.length < NAMED_MAX) some.push(`${nameOf(key)} ${unit === "" ? "has no unit" : `is in ${unit}`}`);
  }
  return { kept, some, count: keys.length - kept.length };
}

async function refuseUnit(unit: string, units: ReadonlySet<string>): Promise<void> {
  const known = [...units].filter((one) => one !== "");
  const some = known
    .slice(0, NAMED_MAX)
    .map((one) => JSON.stringify(one))
    .join(", ");
  if (!(await isUnit(unit))) {
    const instead = known.length === 0 ? "" : `; the series asked for are in ${some}`;
    throw invalidField("unit", unit, `a unit that is known, such as "°C", "kPa" or "km/h"${instead}`);
  }
  if (units.size === 0) return;
  if (known.length === 0) {
    const how = "watchpost device update NAME --sensor METRIC,unit=UNIT";
    throw invalidField("unit", unit, `series of sensors that are registered with a unit; these have none (${how})`);
  }
  throw invalidField("unit", unit, `one of the same kind as the series asked for have: ${some}`);
}

function nameOf(key: string): string {
  const identity = parseSeriesKey(key);
  return `${identity.metric} of ${deviceOf(identity)}`;
}
