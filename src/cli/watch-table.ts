/** The live table of `watchpost watch`: pure, from rows to text. */
import pc from "picocolors";

export interface WatchRow {
  readonly name: string;
  readonly device: string;
  readonly value: number;
  readonly timeMs: number;
  readonly stale: boolean;
  /** Oldest first. */
  readonly history: readonly number[];
}

const BARS = "▁▂▃▄▅▆▇█";
const SPARK_WIDTH = 24;

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
  const nameWidth = clamp(Math.max(6, ...rows.map((row) => row.name.length)), 6, Math.max(12, width - 62));
  const deviceWidth = clamp(Math.max(6, ...rows.map((row) => row.device.length)), 6, 18);
  const header = `${pad("SERIES", nameWidth)}  ${pad("DEVICE", deviceWidth)}  ${"VALUE".padStart(12)}  ${"AGE".padStart(7)}`;
  const lines = [title, pc.bold(cut(header, width))];
  const room = Math.max(1, height - 3);
  for (const { name, device, value, timeMs, stale, history } of rows.slice(0, room)) {
    const age = stale ? "stale" : formatAge(nowMs - timeMs);
    const cells = `${pad(name, nameWidth)}  ${pad(device, deviceWidth)}  ${formatValue(value).padStart(12)}  ${age.padStart(7)}`;
    const left = width - cells.length - 2;
    const line = left >= 4 ? `${cells}  ${sparkline(history, Math.min(left, SPARK_WIDTH))}` : cut(cells, width);
    lines.push(stale ? pc.dim(line) : line);
  }
  if (rows.length > room) lines.push(pc.dim(`… ${rows.length - room} more series`));
  return lines.join("\n");
}

export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3);
  return String(Number(value.toPrecision(7)));
}

export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function pad(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
