/** Which series can be told in the unit that was asked for. The others are left out by name, and hold up no answer. */
import { invalidField } from "../model/errors.ts";
import { deviceOf, parseSeriesKey } from "../model/series-key.ts";
import { conversionBetween, isUnit } from "../model/units.ts";
import { isCount, type Asked } from "./answer-units.ts";

export interface SeriesInUnit {
  /** In the order given. */
  readonly keys: readonly string[];
  readonly notes: readonly string[];
}

const NAMED_MAX = 3;

/**
 * `unitOf`: of the sensor of a series, by its key; "": none is known. Throws INVALID_ARGUMENT, naming `unit`, where there are series
 * and none of them can be told in it, and what it is that they have instead.
 */
export async function seriesInUnit(
  asked: Asked,
  keys: readonly string[],
  unitOf: (key: string) => string,
): Promise<SeriesInUnit> {
  if (asked.unit === "" || isCount(asked)) return { keys, notes: [] };
  const units = keys.map(unitOf);
  const fitting = new Set<string>();
  for (const unit of new Set(units)) {
    if ((await conversionBetween(unit, asked.unit)) !== undefined) fitting.add(unit);
  }
  if (fitting.size === 0) await refuseUnit(asked.unit, new Set(units));
  const others = keys.flatMap((key, i) => (fitting.has(units[i]) ? [] : [{ key, unit: units[i] }]));
  if (others.length === 0) return { keys, notes: [] };
  const some = others
    .slice(0, NAMED_MAX)
    .map(({ key, unit }) => `${nameOf(key)} ${unit === "" ? "has no unit" : `is in ${unit}`}`);
  const more = others.length > NAMED_MAX ? ` and ${others.length - NAMED_MAX} more` : "";
  const many = others.length === 1 ? "1 series is" : `${others.length} series are`;
  return {
    keys: keys.filter((_, i) => fitting.has(units[i])),
    notes: [`${many} left out, which cannot be told in ${asked.unit}: ${some.join(", ")}${more}`],
  };
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
