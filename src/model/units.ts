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
    const factor = convert(1) - offset;
    // Of scales that are not straight lines one factor is not all.
    const isStraight = Math.abs(convert(1_000) - (1_000 * factor + offset)) <= 1e-6 * Math.abs(1_000 * factor + offset);
    if (!isStraight || !Number.isFinite(offset) || !Number.isFinite(factor) || factor === 0) return undefined;
    return { factor: rounded(factor), offset: rounded(offset) };
  } catch {
    return undefined;
  }
}

function spelled(unit: string): string {
  if (Object.hasOwn(SPELLED, unit)) return SPELLED[unit];
  return SIGNS.reduce((text, [sign, instead]) => text.replace(sign, instead), unit);
}

/** Without what arithmetic in base units leaves behind the digits that are known. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
