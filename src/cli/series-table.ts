/** Series as lines for people and as JSON lines for programs. */
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { SeriesInfo } from "../wire/gen/history_pb.ts";
import { textTable, type Column } from "./text-table.ts";
import { formatReading, formatValue, printable } from "./watch-table.ts";

const COLUMNS: readonly Column<SeriesInfo>[] = [
  { title: "METRIC", cell: ({ metric }) => metric },
  { title: "SOURCE", cell: ({ source }) => printable(source) },
  { title: "DEVICE", cell: ({ device }) => printable(device) },
  { title: "TAGS", cell: ({ tags }) => printable(otherTags(tags)) },
  { title: "FIRST SEEN", cell: ({ firstSeen }) => secondOf(firstSeen) },
  { title: "LAST SEEN", cell: ({ lastSeen }) => secondOf(lastSeen) },
  {
    title: "VALUE",
    right: true,
    cell: ({ lastSeen, lastValue, unit }) => (lastSeen ? formatReading(lastValue, unit) : "-"),
  },
];
const RATE: Column<SeriesInfo> = {
  title: "POINTS/S",
  right: true,
  cell: ({ rate }) => (rate > 0 ? formatValue(Number(rate.toPrecision(3))) : "-"),
};

export function seriesTable(series: readonly SeriesInfo[], { withRate }: { withRate: boolean }): string {
  return textTable(withRate ? [...COLUMNS, RATE] : COLUMNS, series);
}

/** `more` stands first in the line. */
export function seriesJson(series: readonly SeriesInfo[], more: Readonly<Record<string, unknown>> = {}): string {
  const lines = series.map(({ metric, source, device, tags, firstSeen, lastSeen, lastValue, rate, unit }) => {
    const times = { firstSeen: isoOf(firstSeen), lastSeen: isoOf(lastSeen) };
    return `${JSON.stringify({ ...more, metric, source, device, tags, ...times, lastValue, rate, ...(unit !== "" && { unit }) })}\n`;
  });
  return lines.join("");
}

function otherTags(tags: Readonly<Record<string, string>>): string {
  const others = Object.entries(tags).filter(([key]) => key !== "device");
  others.sort(([a], [b]) => (a < b ? -1 : 1));
  return others.map(([key, value]) => `${key}=${value}`).join(" ");
}

function secondOf(time: Timestamp | undefined): string {
  return isoOf(time)?.replace(/\.\d+Z$/, "Z") ?? "-";
}

function isoOf(time: Timestamp | undefined): string | null {
  return time ? timestampDate(time).toISOString() : null;
}
