/**
 * Units of measurement as people write them. What they are to each other is known by js-quantities, which is loaded when it
 * is asked for first. A unit that it does not know is text: shown, and not converted.
 */
import type { QuantityConstructor } from "js-quantities";

/** To another unit: factor × value + offset. */
export interface UnitConversion {
  readonly factor: number;
  readonly offset: number;
}

export const UNIT_LENGTH_MAX = 32;
const SAME: UnitConversion = { factor: 1, offset: 0 };

/** What is written otherwise than js-quantities reads it. C and F alone are temperatures here, not coulomb and farad. */
const SPELLED: Readonly<Record<string, string>> = {
  ...{ "°C": "tempC", "℃": "tempC", degC: "tempC", celsius: "tempC", Celsius: "tempC", C: "tempC" },
  ...{ "°F": "tempF", "℉": "tempF", degF: "tempF", fahrenheit: "tempF", Fahrenheit: "tempF", F: "tempF" },
  ...{ K: "tempK", kelvin: "tempK", Kelvin: "tempK" },
  ...{ lx: "lux", klx: "klux", "°": "degree", gpm: "gallon/minute", cfm: "foot^3/minute", kph: "km/h" },
};
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/²/g, "^2"],
  [/³/g, "^3"],
  [/[·⋅×]/g, "*"],
  [/μ/g, "µ"],
  [/[ΩΩ]/g, "ohm"],
];

let library: Promise<QuantityConstructor> | undefined;

/** Undefined where one of them is not known or they measure different things, unless both are the same text. */
export async function conversionBetween(from: string, to: string): Promise<UnitConversion | undefined> {
  if (from === to) return SAME;
  if (from === "" || to === "" || from.length > UNIT_LENGTH_MAX || to.length > UNIT_LENGTH_MAX) return undefined;
  library ??= import("js-quantities").then(({ default: Quantity }) => Quantity);
  const Quantity = await library;
  try {
    const convert = Quantity.swiftConverter(spelled(from), spelled(to));
    const offset = convert(0);
    // Of a large value what the arithmetic leaves behind is small.
    const factor = (convert(1e6) - offset) / 1e6;
    // Of scales that are not straight lines one factor is not all.
    const isStraight = Math.abs(convert(1_000) - (1_000 * factor + offset)) <= 1e-6 * Math.abs(1_000 * factor + offset);
    if (!isStraight || !Number.isFinite(offset) || !Number.isFinite(factor) || factor === 0) return undefined;
    return { factor: rounded(factor), offset: rounded(offset) };
  } catch {
    return undefined;
  }
}

/** Whether it is more than text: a unit that can be told in others. */
export async function isUnit(text: string): Promise<boolean> {
  if (text === "" || text.length > UNIT_LENGTH_MAX) return false;
  library ??= import("js-quantities").then(({ default: Quantity }) => Quantity);
  const Quantity = await library;
  try {
    return Quantity(`1 ${spelled(text)}`).units() !== "";
  } catch {
    return false;
  }
}

function spelled(unit: string): string {
  if (Object.hasOwn(SPELLED, unit)) return SPELLED[unit];
  return SIGNS.reduce((text, [sign, instead]) => text.replace(sign, instead), unit);
}

/** Of ten; up to the 22nd they are exact. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** A value in the other unit, in 12 digits: 212 °F are 100 °C, and not 100.00000000000007. */
export function inOtherUnit(value: number, { factor, offset }: UnitConversion): number {
  const result = value * factor + offset;
  const digitsBefore = Math.floor(Math.log10(Math.abs(result))) + 1;
  if (!(Math.abs(digitsBefore) <= 10)) return result;
  const scale = POWERS[12 - digitsBefore];
  return Math.round(result * scale) / scale;
}

/** Without what arithmetic in base units leaves behind the digits that are known. */
function rounded(value: number): number {
  return Number(value.toPrecision(15));
}
