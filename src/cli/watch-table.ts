/** The live table of `watchpost watch`: pure, from rows to text. */
import pc from "picocolors";
import { cut, pad, widest } from "./fit-text.ts";

export interface WatchRow {
  readonly name: string;
  readonly device: string;
  /** Tags that tell it apart from others of its name and device. */
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly timeMs: number;
  readonly stale: boolean;
  /** Oldest first. */
  readonly history: readonly number[];
}

const BARS = "▁▂▃▄▅▆▇█";
const SPARK_WIDTH = 24;
const SPARK_WIDTH_MIN = 8;
const LABEL_WIDTH_MAX = 24;
/** Value and age, and what stands between the columns. */
const OTHER_COLUMNS_WIDTH = 25;

/** The last `width` values as bars between their own minimum and maximum. */
export function sparkline(values: readonly number[], width = SPARK_WIDTH): string {
  const shown = values.slice(-width);
  const min = Math.min(...shown);
  const max = Math.max(...shown);
  if (!(max > min)) return BARS[0].repeat(shown.length);
  return shown.map((value) => BARS[Math.round(((value - min) / (max - min)) * (BARS.length - 1))]).join("");
}

/** At most `height` lines of at most `width` columns. */
export function renderTable(
  rows: readonly WatchRow[],
  title: string,
  width: number,
  height: number,
  nowMs: number,
): string {
  const room = Math.max(1, height - 3);
  const shown = rows
    .slice(0, room)
    .map((row) => ({ ...row, name: printable(row.name), device: printable(row.device), label: printable(row.label) }));
  const deviceWidth = clamp(widest(shown.map(({ device }) => device)), 6, 18);
  const labelWidth = Math.min(widest(shown.map(({ label }) => label)), LABEL_WIDTH_MAX);
  const tags = (text: string) => (labelWidth === 0 ? "" : `  ${pad(text, Math.max(labelWidth, 4))}`);
  const nameWidthMax = Math.max(12, width - deviceWidth - tags("").length - OTHER_COLUMNS_WIDTH - SPARK_WIDTH_MIN - 2);
  const nameWidth = clamp(widest(shown.map(({ name }) => name)), 6, nameWidthMax);
  const header = `${pad("SERIES", nameWidth)}  ${pad("DEVICE", deviceWidth)}${tags("TAGS")}  ${"VALUE".padStart(12)}  ${"AGE".padStart(7)}`;
  const lines = [title, pc.bold(cut(header, width))];
  for (const { name, device, label, value, unit, timeMs, stale, history } of shown) {
    const age = stale ? "stale" : formatAge(nowMs - timeMs);
    const cells = `${pad(name, nameWidth)}  ${pad(device, deviceWidth)}${tags(label)}  ${formatReading(value, unit).padStart(12)}  ${age.padStart(7)}`;
    const left = width - Bun.stringWidth(cells) - 2;
    const line = left >= 4 ? `${cells}  ${sparkline(history, Math.min(left, SPARK_WIDTH))}` : cut(cells, width);
    lines.push(stale ? pc.dim(line) : line);
  }
  if (rows.length > room) lines.push(pc.dim(`… ${rows.length - room} more series`));
  return lines.join("\n");
}

export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e12) return String(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3);
  return String(Number(value.toPrecision(7)));
}

/** With its unit, where it has one. */
export function formatReading(value: number, unit: string): string {
  return unit === "" ? formatValue(value) : `${formatValue(value)} ${printable(unit)}`;
}

export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** Names come from whoever sends points: what could steer a terminal is shown as a mark. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\ufffd");
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
