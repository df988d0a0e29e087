import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { activeTable, clearedTable } from "../../src/cli/alert-table.ts";
import { gravestFirst, shortIds } from "../../src/cli/alert-text.ts";
import { AlertSchema, AlertState, type Alert } from "../../src/wire/gen/alerts_pb.ts";

const NOW_MS = 1_790_000_000_000;
const HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\nadmin\u202egnp\x9b";

function alert(id: string, severity: string, ageS: number, more: MessageInitShape<typeof AlertSchema> = {}): Alert {
  const time = timestampFromMs(NOW_MS - ageS * 1_000);
  const context = { device: `device-${id}`, source: "gw" };
  const state = AlertState.ACTIVE;
  return create(AlertSchema, {
    id,
    title: `title ${id}`,
    severity,
    since: time,
    createdAt: time,
    context,
    state,
    ...more,
  });
}

const lines = (table: readonly string[]) => table.map((line) => Bun.stripANSI(line));

test("as it looks, and cut to a width at the title", () => {
  const alerts = [
    alert("aaaaaaaa-1", "critical", 7_300, { stale: true }),
    alert("bbbbbbbb-2", "low", 3, { acknowledged: true, acknowledgedBy: "ann", assignee: "bob" }),
    alert("bbbbbbbb-3", "low", 3, { context: {}, acknowledged: true }),
  ];
  expect(lines(activeTable(alerts, NOW_MS))).toEqual([
    "ID          SEVERITY  SINCE   DEVICE             SOURCE  ACK BY    ASSIGNEE  ALERT",
    "aaaaaaaa    critical  2h ago  device-aaaaaaaa-1  gw      -                   title aaaaaaaa-1 (stale)",
    "bbbbbbbb-2  low       3s ago  device-bbbbbbbb-2  gw      ann       bob       title bbbbbbbb-2",
    "bbbbbbbb-3  low       3s ago                             somebody            title bbbbbbbb-3",
  ]);
  expect(lines(activeTable(alerts, NOW_MS, 85))[1]).toEndWith("  title a…");
  // A device that is its own source is told once.
  const own = alert("aaaaaaaa", "high", 1, { context: { device: "d", source: "d" } });
  expect(lines(activeTable([own], NOW_MS))).toEqual([
    "ID        SEVERITY  SINCE   DEVICE  ACK BY  ALERT",
    "aaaaaaaa  high      1s ago  d       -       title aaaaaaaa",
  ]);
  expect(activeTable([], NOW_MS)).toEqual([]);
});

test("never is wider than the terminal, and nothing in it steers one", () => {
  const texts = [HOSTILE, "温度センサー:工場".repeat(9), "🌡️".repeat(40), "e\u0301".repeat(80), ""];
  const alerts = texts.map((text, i) => {
    const context = { device: text, source: text };
    return alert(`${i}${text}`, text || "high", 5, { title: text, context, acknowledgedBy: text, assignee: text });
  });
  for (const width of [20, 60, 100, 200]) {
    for (const line of activeTable(alerts, NOW_MS, width)) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
  }
  for (const table of [activeTable(alerts, NOW_MS), clearedTable(alerts)]) {
    expect(lines(table).join("")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  }
});

test("those that are over: with the gravest they have been, how long they lasted and why they ended", () => {
  const over = { state: AlertState.CLEARED, clearedAt: timestampFromMs(NOW_MS), severityMax: "critical" };
  const alerts = [
    alert("aaaaaaaa", "low", 90, { ...over, clearedReason: "rule_deleted" }),
    alert("bbbbbbbb", "low", 7_200, { ...over, clearedReason: "resolved", late: true }),
  ];
  expect(lines(clearedTable(alerts)).map((line) => line.replaceAll(/\d{4}-\S+Z/g, "TIME"))).toEqual([
    "ID        SEVERITY  FIRED                 LASTED  CLEARED         DEVICE           SOURCE  ACK BY  ALERT",
    "aaaaaaaa  critical  TIME  90s     rule deleted    device-aaaaaaaa  gw      -       title aaaaaaaa",
    "bbbbbbbb  critical  TIME  2h      resolved, late  device-bbbbbbbb  gw      -       title bbbbbbbb",
  ]);
});

test("the gravest first, of these what nobody looks after, of these what fired last", () => {
  const alerts = [
    alert("a", "low", 1),
    alert("b", "critical", 9, { acknowledged: true }),
    alert("c", "critical", 20),
    alert("d", "critical", 10),
    alert("e", "unheard-of", 1),
    alert("f", "high", 1),
  ];
  expect(alerts.sort(gravestFirst).map(({ id }) => id)).toEqual(["d", "c", "b", "f", "a", "e"]);
});

test("ids are as short as tells them apart, and not shorter than eight letters", () => {
  const ids = ["70e300c5-8736", "70e300c5-9", "1b9c", "1b9c", "late-1a", "late-1b2c3d4e"];
  expect(Object.fromEntries(shortIds(ids))).toEqual({
    "70e300c5-8736": "70e300c5-8",
    "70e300c5-9": "70e300c5-9",
    "1b9c": "1b9c",
    "late-1a": "late-1a",
    "late-1b2c3d4e": "late-1b2",
  });
});
