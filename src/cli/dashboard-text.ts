/** Saved dashboards as text for people; all of it comes from the wire and is shown without what steers a terminal. */
import pc from "picocolors";
import { formatDurationMs } from "../model/duration.ts";
import { Aggregation, RangeFunction } from "../wire/gen/history_pb.ts";
import { PanelKind, type Panel, type PanelQuery, type SavedDashboard } from "../wire/gen/saved_dashboards_pb.ts";
import { ago, oneLine, secondOf } from "./alert-text.ts";
import { cut } from "./fit-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const WHO_WIDTH_MAX = 16;
const TITLE_WIDTH_MAX = 40;
const INDENT = 13;
const RANGE_MS_DEFAULT = 3_600_000;

/** Lines for titles and dashboards, in the order given. */
export function dashboardTable(dashboards: readonly SavedDashboard[], nowMs: number): string[] {
  const table = textTable(
    [
      { title: "DASHBOARD", cell: ({ dashboardId }: SavedDashboard) => printable(dashboardId) },
      { title: "PANELS", right: true, cell: ({ panelCount }) => String(panelCount) },
      { title: "CHANGED", cell: ({ updatedAt }) => ago(updatedAt, nowMs) },
      { title: "BY", cell: ({ updatedBy }) => cut(printable(updatedBy), WHO_WIDTH_MAX) },
      { title: "TITLE", cell: ({ title }) => oneLine(title) },
    ],
    dashboards,
  );
  const [head, ...rows] = table.split("\n").slice(0, -1);
  return [pc.bold(head), ...rows];
}

/** All there is to say of one. */
export function dashboardPage(dashboard: SavedDashboard): string {
  const { dashboardId, title, description, rangeMs, variables, panels, revision, updatedAt, updatedBy } = dashboard;
  const lines: [string, string][] = [
    ["Dashboard", `${pc.bold(printable(dashboardId))}  ${oneLine(title)}`],
    ["About", oneLine(description)],
    ["Shows", `the last ${formatDurationMs(Number(rangeMs) || RANGE_MS_DEFAULT)}`],
    ["Changed", `${secondOf(updatedAt)} by ${printable(updatedBy)}, revision ${revision}`],
    ...variables.map(({ name, tag, label, defaultValue }): [string, string] => [
      "Variable",
      [`$${name}`, `tag ${printable(tag)}`, ...(label ? [oneLine(label)] : []), printable(defaultValue) || "all"].join(
        "  ",
      ),
    ]),
  ];
  const said = lines.filter(([, text]) => text !== "").map(([name, text]) => `${name.padEnd(INDENT)}${text}\n`);
  return [...said, panels.length === 0 ? "" : `\n${panelTable(panels)}`].join("");
}

function panelTable(panels: readonly Panel[]): string {
  return textTable(
    [
      { title: "PANEL", cell: ({ id }: Panel) => printable(id) },
      { title: "KIND", cell: ({ kind }) => (PanelKind[kind] ?? "?").toLowerCase().replaceAll("_", " ") },
      { title: "AT", cell: ({ x, y }) => `${x},${y}` },
      { title: "SIZE", cell: ({ width, height }) => `${width}x${height}` },
      { title: "TITLE", cell: ({ title }) => cut(oneLine(title), TITLE_WIDTH_MAX) },
      { title: "SHOWS", cell: ({ queries }) => queries.map(queryText).join("; ") },
    ],
    panels,
  );
}

/** "max(temperature) by device, site=$site". */
function queryText({ metric, filters, function: func, aggregation, groupBy }: PanelQuery): string {
  const name = printable(metric);
  const value = func === RangeFunction.UNSPECIFIED ? name : `${wordOf(RangeFunction, func)}(${name})`;
  const all = aggregation === Aggregation.UNSPECIFIED ? value : `${wordOf(Aggregation, aggregation)} of ${value}`;
  const by = groupBy.length === 0 ? all : `${all} by ${groupBy.map(printable).join(", ")}`;
  return [by, ...Object.entries(filters).map(([key, pattern]) => `${printable(key)}=${printable(pattern)}`)].join(", ");
}

function wordOf(words: Readonly<Record<number, string>>, value: number): string {
  return (words[value] ?? String(value)).toLowerCase();
}
