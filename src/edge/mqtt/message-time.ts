/** Times as messages write them. */
export const TIME_UNITS = ["auto", "s", "ms", "us", "ns", "rfc3339"] as const;
/** "auto": text as RFC 3339, numbers by how large they are, which is clear from 1973 to the year 5138. */
export type TimeUnit = (typeof TIME_UNITS)[number];

const US_PER: Readonly<Record<"s" | "ms" | "us" | "ns", number>> = { s: 1e6, ms: 1e3, us: 1, ns: 1e-3 };
const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?([Zz]|[+-]\d\d:\d\d)$/;
const NUMBER = /^-?\d{1,20}(?:\.\d{1,12})?$/;

/** Unix microseconds; undefined where it cannot be read in this unit. */
export function readTimeUs(given: unknown, unit: TimeUnit): number | undefined {
  if (typeof given === "string" && unit !== "rfc3339" && NUMBER.test(given)) return numberUs(Number(given), unit);
  if (typeof given === "string") return unit === "auto" || unit === "rfc3339" ? textUs(given) : undefined;
  return typeof given === "number" && unit !== "rfc3339" ? numberUs(given, unit) : undefined;
}

function numberUs(given: number, unit: Exclude<TimeUnit, "rfc3339">): number | undefined {
  const us = given * US_PER[unit === "auto" ? unitOf(Math.abs(given)) : unit];
  // A fraction of seconds in binary is a little off.
  return Number.isFinite(us) ? Math.floor(us + 1e-3) : undefined;
}

function unitOf(size: number): "s" | "ms" | "us" | "ns" {
  if (size < 1e11) return "s";
  if (size < 1e14) return "ms";
  return size < 1e17 ? "us" : "ns";
}

function textUs(text: string): number | undefined {
  const found = RFC3339.exec(text);
  if (found === null) return undefined;
  const [, date, time, fraction = "", zone] = found;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : ms * 1_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
