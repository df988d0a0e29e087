/** The time that all panels show, as the address says it: "?range=6h", or "?from=…&to=…" (ISO 8601, or milliseconds since 1970). As in Explore. Pure. */
import { formatDurationMs } from "../../../model/duration.ts";
import { durationOf } from "../../data/typed-duration.ts";

export type TimeRange = { readonly lastMs: number } | { readonly fromMs: number; readonly toMs: number };

export const PRESETS: readonly string[] = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"];
const DEFAULT_MS = 3_600_000;

/** What cannot be read is as if it were not there. */
export function rangeOf(params: URLSearchParams, defaultMs: number): TimeRange {
  const [fromMs, toMs] = [timeOf(params.get("from")), timeOf(params.get("to"))];
  if (toMs > fromMs) return { fromMs, toMs };
  return { lastMs: durationOf(params.get("range") ?? "") ?? (defaultMs || DEFAULT_MS) };
}

export function paramsOf(range: TimeRange, defaultMs: number): { range: string; from: string; to: string } {
  const iso = (ms: number) => new Date(Math.max(0, Math.round(ms))).toISOString();
  if ("fromMs" in range) return { range: "", from: iso(range.fromMs), to: iso(range.toMs) };
  const isDefault = range.lastMs === (defaultMs || DEFAULT_MS);
  return { range: isDefault ? "" : formatDurationMs(range.lastMs), from: "", to: "" };
}

export function lengthMsOf(range: TimeRange): number {
  return "lastMs" in range ? range.lastMs : range.toMs - range.fromMs;
}

function timeOf(text: string | null): number {
  if (text === null) return NaN;
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}
