/** What people give of a dashboard: each field by its name and value, all that is wrong at once. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { DASHBOARD_BYTES_MAX } from "../../../src/dashboard/saved/saved-dashboards.ts";
import { dashboardIn } from "../../../src/dashboard/saved/dashboard-input.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { PanelKind, SavedDashboardSchema } from "../../../src/wire/gen/saved_dashboards_pb.ts";
import { exampleDashboard, savedRig, type DashboardInit } from "./rig.ts";

function checked(dashboard: DashboardInit) {
  return dashboardIn(create(SavedDashboardSchema, dashboard));
}

function faultsOf(dashboard: DashboardInit): readonly string[] {
  try {
    checked(dashboard);
    return [];
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    expect(error.status).toBe("INVALID_ARGUMENT");
    return error.violations.map(({ description }) => description);
  }
}

const example = exampleDashboard("plant");
const panel = (more: object) => ({
  ...example,
  panels: [{ id: "p", kind: PanelKind.LINE, width: 6, height: 4, ...more }],
});
const query = (more: object) => panel({ queries: [{ metric: "temperature", ...more }] });
const variable = (more: object) => ({ ...example, panels: [], variables: [{ name: "site", tag: "site", ...more }] });
const times = <T>(count: number, of: (i: number) => T) => Array.from({ length: count }, (_, i) => of(i));

const REFUSED: readonly (readonly [DashboardInit, string])[] = [
  [{ ...example, dashboardId: "" }, 'dashboard.dashboard_id is ""; wanted letters'],
  [{ ...example, dashboardId: "a/b" }, 'dashboard.dashboard_id is "a/b"'],
  [{ ...example, dashboardId: "x".repeat(65) }, "1 to 64 of them"],
  [{ ...example, title: " " }, 'dashboard.title is " "; wanted one line of text'],
  [{ ...example, title: "a\nb" }, "dashboard.title is"],
  [{ ...example, title: "x".repeat(257) }, "at most 256 characters"],
  [{ ...example, description: "x".repeat(4_097) }, 'dashboard.description is "4097 bytes"; wanted at most 4096'],
  [{ ...example, rangeMs: -1n }, "dashboard.range_ms is -1"],
  [{ ...example, rangeMs: 999n }, "dashboard.range_ms is 999; wanted 0 (an hour), or 1,000 to"],
  [{ ...example, rangeMs: 2n ** 62n }, "dashboard.range_ms is"],
  [
    { ...example, panels: [], variables: times(11, (i) => ({ name: `v${i}`, tag: "t" })) },
    "dashboard.variables is 11; wanted at most 10 of them",
  ],
  [variable({ name: "a-b" }), 'dashboard.variables[0].name is "a-b"'],
  [variable({ tag: "" }), 'dashboard.variables[0].tag is ""; wanted "source", "device" or another tag'],
  [variable({ label: "a\nb" }), "dashboard.variables[0].label is"],
  [variable({ defaultValue: "x".repeat(513) }), 'dashboard.variables[0].default_value is "513 bytes"'],
  [
    { ...variable({}), variables: times(2, () => ({ name: "v", tag: "t" })) },
    'dashboard.variables[1].name is "v"; wanted each once',
  ],
  [{ ...example, panels: times(101, (i) => ({ id: `p${i}` })) }, "dashboard.panels is 101; wanted at most 100 of them"],
  [{ ...example, panels: times(2, () => panel({}).panels[0]) }, 'dashboard.panels[1].id is "p"; wanted each once'],
  [panel({ id: "" }), 'dashboard.panels[0].id is ""'],
  [
    panel({ kind: 0 }),
    'dashboard.panels[0].kind is "UNSPECIFIED"; wanted one of LINE, STAT, GAUGE, BAR, HEAT_MAP, TABLE',
  ],
  [panel({ kind: 99 }), "dashboard.panels[0].kind is 99"],
  [panel({ title: "a\u2028b" }), "dashboard.panels[0].title is"],
  [panel({ x: -1 }), "dashboard.panels[0].x is -1; wanted 0 to 11"],
  [panel({ x: 12, width: 1 }), "dashboard.panels[0].x is 12; wanted 0 to 11"],
  [panel({ x: 8 }), "dashboard.panels[0].width is 6; wanted 1 to 4: it begins at column 8 of 12"],
  [panel({ width: 0 }), "dashboard.panels[0].width is 0"],
  [panel({ y: 10_000 }), "dashboard.panels[0].y is 10000; wanted 0 to 9999"],
  [panel({ height: 0 }), "dashboard.panels[0].height is 0; wanted 1 to 100"],
  [panel({ height: 101 }), "dashboard.panels[0].height is 101"],
  [panel({ unit: "x".repeat(200) }), "dashboard.panels[0].unit is"],
  [panel({ min: NaN }), "dashboard.panels[0].min is NaN; wanted a finite number, or none"],
  [panel({ max: Infinity }), "dashboard.panels[0].max is Infinity"],
  [panel({ min: 5, max: 5 }), "dashboard.panels[0].min is 5; wanted less than max, which is 5"],
  [panel({ min: 0, logScale: true }), "dashboard.panels[0].min is 0; wanted more than 0 with log_scale"],
  [panel({ decimals: 11 }), "dashboard.panels[0].decimals is 11; wanted 0 to 10"],
  [
    panel({ thresholds: times(21, () => ({ value: 1, severity: "low" })) }),
    "dashboard.panels[0].thresholds is 21; wanted at most 20 of them",
  ],
  [panel({ thresholds: [{ value: NaN, severity: "low" }] }), "dashboard.panels[0].thresholds[0].value is NaN"],
  [
    panel({ thresholds: [{ value: 1, severity: "bad" }] }),
    'dashboard.panels[0].thresholds[0].severity is "bad"; wanted one of good, low, medium, high, critical',
  ],
  [
    panel({ queries: times(11, () => ({ metric: "m" })) }),
    "dashboard.panels[0].queries is 11; wanted at most 10 of them",
  ],
  [query({ metric: "" }), 'dashboard.panels[0].queries[0].metric is ""'],
  [query({ metric: "x".repeat(1_025) }), "a name or glob of 1 to 1024 characters"],
  [
    query({ metric: "$sight" }),
    'dashboard.panels[0].queries[0].metric is "$sight"; wanted a variable of the dashboard for $sight: $site',
  ],
  [query({ filters: { site: "" } }), 'dashboard.panels[0].queries[0].filters["site"] is ""'],
  [query({ filters: { site: "$other" } }), "wanted a variable of the dashboard for $other"],
  [query({ filters: { "": "x" } }), 'dashboard.panels[0].queries[0].filters is ""'],
  [query({ filters: { ["k".repeat(129)]: "x" } }), 'dashboard.panels[0].queries[0].filters is "129 bytes"'],
  [
    query({ filters: Object.fromEntries(times(33, (i) => [`k${i}`, "x"])) }),
    "dashboard.panels[0].queries[0].filters is 33;",
  ],
  [query({ function: 99 }), "dashboard.panels[0].queries[0].function is 99"],
  [query({ aggregation: 99 }), "dashboard.panels[0].queries[0].aggregation is 99"],
  [query({ stepMs: -1n }), "dashboard.panels[0].queries[0].step_ms is -1"],
  [query({ groupBy: [""] }), 'dashboard.panels[0].queries[0].group_by[0] is ""'],
  [
    query({ groupBy: times(17, (i) => `t${i}`) }),
    "dashboard.panels[0].queries[0].group_by is 17; wanted at most 16 of them",
  ],
];

test.each(REFUSED)("refused: %#", (dashboard, said) => {
  const faults = faultsOf(dashboard);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(said);
});

test("all that is wrong is said at once, each with its place", () => {
  const wrong = {
    ...panel({ width: 13, min: NaN, queries: [{ metric: "" }, { metric: "ok" }, { metric: "$x" }] }),
    title: "",
  };
  expect(faultsOf(wrong).map((fault) => fault.split(" is ")[0])).toEqual([
    "dashboard.title",
    "dashboard.panels[0].width",
    "dashboard.panels[0].min",
    "dashboard.panels[0].queries[0].metric",
    "dashboard.panels[0].queries[2].metric",
  ]);
  const many = { ...example, panels: times(100, (i) => ({ id: `p${i}` })) };
  expect(faultsOf(many).length).toBe(50);
});

test("the largest that may be is taken: 100 panels of 10 queries with 10 variables fit into the bytes of one", async () => {
  const rig = await savedRig({ bytesMax: 2 * 1024 * 1024 });
  const largest = {
    ...example,
    variables: times(10, (i) => ({ name: `variable_${i}`, tag: "site", label: "A label", defaultValue: "north" })),
    panels: times(100, (i) => ({
      ...{ id: `panel-${i}`, kind: PanelKind.LINE, title: `Panel ${i}`, x: 0, y: 4 * i, width: 12, height: 4 },
      queries: times(10, (k) => ({
        metric: `a_metric_of_some_length_${k}`,
        filters: { site: "$variable_1", device: "pump-*" },
      })),
      thresholds: times(20, (k) => ({ value: k, severity: "high" })),
    })),
  };
  expect((await rig.put(largest)).panels).toHaveLength(100);
  const label = "x".repeat(900);
  const heavy = {
    ...largest,
    dashboardId: "heavy",
    panels: largest.panels.map((one) => ({ ...one, queries: one.queries.map((each) => ({ ...each, metric: label })) })),
  };
  const refused = await rig.put(heavy).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining(`at most ${DASHBOARD_BYTES_MAX}`),
  });
});

test("what is unusual and may be is kept as it is", async () => {
  const rig = await savedRig();
  const odd: DashboardInit = {
    ...{ dashboardId: "-_9", title: "<img src=x onerror=alert(1)>", description: "two\nlines", rangeMs: 1_000n },
    variables: [{ name: "device", tag: "device", defaultValue: "a|b*" }],
    panels: [
      { id: "0", kind: PanelKind.DEVICE_GRID, width: 12, height: 100, y: 9_999, queries: [{ metric: "*" }] },
      { id: "1", kind: PanelKind.STAT, width: 12, height: 100, y: 9_999, min: -1e300, max: 1e300, decimals: 0 },
      {
        ...{ id: "2", kind: PanelKind.LINE, x: 11, width: 1, height: 1, logScale: true, min: 1e-9 },
        queries: [{ metric: "$device", filters: { __proto__: "x", constructor: "y", Maß: "$device-5 $ 5€" } }],
      },
    ],
  };
  await rig.put(odd);
  const got = await rig.get("-_9");
  expect(got).toMatchObject({ title: odd.title, description: "two\nlines" });
  expect(got.panels[2].queries[0].filters).toEqual({ constructor: "y", Maß: "$device-5 $ 5€" });
  expect((await savedRig({ journal: rig.journal })).saved.count).toBe(1);
});

test("what the server sets is not taken from whoever saves", async () => {
  const rig = await savedRig();
  const forged = {
    ...example,
    revision: 77n,
    updatedBy: "mallory",
    updatedAt: timestampFromMs(1),
    panelCount: 9,
  };
  expect(await rig.put(forged)).toMatchObject({ revision: 1n, updatedBy: "ann", panelCount: 0 });
  await expect(rig.put(undefined as never)).rejects.toThrow("dashboard is undefined; wanted a dashboard");
  await expect(rig.put(example, -1n)).rejects.toThrow("revision is -1");
  await expect(rig.get("a b")).rejects.toThrow('dashboard_id is "a b"');
});
