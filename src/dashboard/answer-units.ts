/** In which units an answer is: those that sensors are registered with, or the one that was asked for. */
import { invalidField } from "../model/errors.ts";
import { conversionBetween, inOtherUnit, type UnitConversion } from "../model/units.ts";
import type { Grouping } from "../store/store-client.ts";
import type { RangeColumns } from "./range-answer.ts";
import type { RangeRequest } from "./range-request.ts";

export interface AnswerUnits {
  /** Of a slot: of a series, or of a group. */
  unitOf(slot: number): string;
  /** Turns what is stored into what was asked for, in place. */
  convert(result: RangeColumns): void;
}

export type Asked = Pick<RangeRequest, "unit" | "func" | "stepUs" | "aggregation" | "fill" | "top" | "groupBy">;

/** The values are differences, of which the zero of a scale is no part. */
const DIFFERENCES = new Set(["stddev", "rate", "increase", "delta"]);

/**
 * `units` of the series asked for, "" where there is none. Throws INVALID_ARGUMENT, naming `unit`, where one of them cannot be
 * told in the unit that was asked for.
 */
export async function answerUnits(asked: Asked, units: readonly string[], grouping?: Grouping): Promise<AnswerUnits> {
  const ofSlot = grouping === undefined ? units : unitsOfGroups(units, grouping);
  if (isCount(asked)) return { unitOf: () => "", convert: () => {} };
  if (asked.unit === "") return { unitOf: (slot) => shown(ofSlot[slot], asked), convert: () => {} };
  const isCompared = grouping !== undefined || asked.top !== undefined;
  if (isCompared && new Set(units).size > 1) {
    const some = [...new Set(units)].slice(0, 3).map(named).join(", ");
    throw invalidField("unit", asked.unit, `series of one unit to be compared with each other; these have ${some}`);
  }
  const conversions = new Map<string, UnitConversion>();
  for (const unit of new Set(units)) conversions.set(unit, await conversionFrom(unit, asked));
  return {
    unitOf: () => shown(asked.unit, asked),
    convert: ({ slots, offsets, values }) => {
      for (let i = 0; i < slots.length; i++) {
        const conversion = conversions.get(ofSlot[slots[i]])!;
        if (conversion.factor === 1 && conversion.offset === 0) continue;
        for (let row = offsets[i]; row < offsets[i + 1]; row++) values[row] = inOtherUnit(values[row], conversion);
      }
    },
  };
}

async function conversionFrom(unit: string, asked: Asked): Promise<UnitConversion> {
  if (unit === "") {
    throw invalidField("unit", asked.unit, "series of sensors that are registered with a unit; one of these has none");
  }
  const found = await conversionBetween(unit, asked.unit);
  if (found === undefined) throw invalidField("unit", asked.unit, `one of the same kind as ${JSON.stringify(unit)}`);
  if (asked.stepUs > 0 && DIFFERENCES.has(asked.func)) return { factor: found.factor, offset: 0 };
  if (found.offset === 0) return found;
  const isSum =
    (asked.stepUs > 0 && asked.func === "sum") || (asked.groupBy !== undefined && asked.aggregation === "sum");
  if (isSum || asked.fill === "zero") {
    const what = isSum ? "a sum" : "fill with zeros";
    throw invalidField(
      "unit",
      asked.unit,
      `${JSON.stringify(unit)}, or another function: ${what} on a scale with another zero means nothing`,
    );
  }
  return found;
}

/** Counts have no unit, whatever is counted. */
export function isCount({ func, stepUs, aggregation, groupBy }: Asked): boolean {
  return (stepUs > 0 && func === "count") || (groupBy !== undefined && aggregation === "count");
}

function shown(unit: string, { func, stepUs }: Asked): string {
  return unit !== "" && stepUs > 0 && func === "rate" ? `${unit}/s` : unit;
}

/** "" where the series of a group have different ones. */
function unitsOfGroups(units: readonly string[], { groupOf, groups }: Grouping): string[] {
  const of: (string | undefined)[] = new Array(groups).fill(undefined);
  units.forEach((unit, slot) => {
    const group = groupOf[slot];
    of[group] = of[group] === undefined || of[group] === unit ? unit : "";
  });
  return of.map((unit) => unit ?? "");
}

function named(unit: string): string {
  return unit === "" ? "none" : JSON.stringify(unit);
}
