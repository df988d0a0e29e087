/** What stands at the ticks of a value axis, in the reader's locale. */

const DIGITS_MAX = 9;
/** From here on such as "12M". */
const COMPACT_FROM = 1e6;
const formats = new Map<string, Intl.NumberFormat>();

/** One text for each tick, `step` apart, with as many decimals as tell them apart; null: none is wanted. */
export function valueTicks(ticks: readonly (number | null)[], step: number): string[] {
  const largest = Math.max(...ticks.map((tick) => Math.abs(tick ?? 0)));
  const format = largest >= COMPACT_FROM ? compact(largest, step) : fixed(decimalsOf(step));
  return ticks.map((tick) => (tick === null ? "" : format.format(tick)));
}

/** Of an axis whose ticks are any distance apart. */
export function logTicks(ticks: readonly (number | null)[]): string[] {
  const format = known("log", () => ({ notation: "compact", maximumSignificantDigits: 3 }));
  return ticks.map((tick) => (tick === null ? "" : format.format(tick)));
}

function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < DIGITS_MAX; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return DIGITS_MAX;
}

function fixed(decimals: number): Intl.NumberFormat {
  return known(`fixed ${decimals}`, () => ({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
}

function compact(largest: number, step: number): Intl.NumberFormat {
  const digits = Math.min(15, Math.max(2, 1 + Math.ceil(Math.log10(largest / step))));
  return known(`compact ${digits}`, () => ({ notation: "compact", maximumSignificantDigits: digits }));
}

function known(key: string, options: () => Intl.NumberFormatOptions): Intl.NumberFormat {
  let format = formats.get(key);
  if (format === undefined) formats.set(key, (format = new Intl.NumberFormat(undefined, options())));
  return format;
}
