/** `watchpost dashboard` over a server of its own. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { allDashboards, deleteDashboard } from "../../src/client/saved-dashboards.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-dashboards");
}, 120_000);

afterAll(() => rig.close());

const dashboard = (...args: string[]) => rig.run(["dashboard", ...args]);
const ok = (...args: string[]) => rig.ok(["dashboard", ...args]);
const file = (name: string) => join(rig.dir, name);
/** By the library: a command takes a quarter of a second. */
const listed = () => withServer((connection) => Array.fromAsync(allDashboards(connection)));

async function withServer<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection(rig.server.grpc);
  try {
    return await run(connection);
  } finally {
    connection.close();
  }
}

function written(name: string, content: unknown): string {
  writeFileSync(file(name), typeof content === "string" ? content : JSON.stringify(content));
  return file(name);
}

const panel = (id: string, more: object = {}) => ({ id, kind: "PANEL_KIND_LINE", width: 6, height: 4, ...more });
const plant = {
  dashboardId: "plant",
  title: "Plant",
  description: "All of\nhall 1",
  variables: [{ name: "site", tag: "site", label: "Site" }],
  panels: [
    panel("t", {
      title: "Temperature",
      unit: "°C",
      queries: [
        { metric: "temperature", filters: { site: "$site" }, groupBy: ["device"], function: "RANGE_FUNCTION_MAX" },
        { metric: "humidity", aggregation: "AGGREGATION_P95" },
      ],
      thresholds: [{ value: 80, severity: "high" }],
    }),
    panel("d", { kind: "PANEL_KIND_DEVICE_GRID", x: 6, y: 2 }),
  ],
};

beforeEach(async () => {
  for (const { dashboardId } of await listed()) {
    await withServer((connection) => deleteDashboard(connection, { dashboardId, userId: "" }));
  }
});

test("a file is imported, listed, shown and exported as it was", async () => {
  expect(await ok("list")).toContain("no dashboard is saved");
  expect(await ok("import", written("plant.json", plant))).toMatch(/^saved plant \(revision \d+\)\n$/);
  const [titles, row] = (await ok("list")).split("\n").map((line) => line.trim().split(/ {2,}/));
  expect(titles).toEqual(["DASHBOARD", "PANELS", "CHANGED", "BY", "TITLE"]);
  expect(row).toEqual(["plant", "2", expect.stringContaining("ago"), "ann", "Plant"]);
  const page = (await ok("show", "plant")).split("\n");
  expect(page.slice(0, 3)).toEqual([
    "Dashboard    plant  Plant",
    "About        All of hall 1",
    "Shows        the last 1h",
  ]);
  expect(page[3]).toMatch(/^Changed {6}\S+Z by ann, revision \d+$/);
  expect(page[4]).toBe("Variable     $site  tag site  Site  all");
  expect(page.slice(6, 9).map((line) => line.split(/ {2,}/))).toEqual([
    ["PANEL", "KIND", "AT", "SIZE", "TITLE", "SHOWS"],
    ["t", "line", "0,0", "6x4", "Temperature", "max(temperature) by device, site=$site; p95 of humidity"],
    ["d", "device grid", "6,2", "6x4"],
  ]);
  expect(JSON.parse(await ok("show", "plant", "--json"))).toMatchObject({ ...plant, updatedBy: "ann" });
  expect(JSON.parse(await ok("export", "plant"))).toEqual(plant);
});

test("one or all go into a file and come back; what is the same is left alone", async () => {
  await ok("import", written("two.json", [plant, { dashboardId: "hall", title: "Hall" }]));
  const before = await listed();
  expect(before.map(({ dashboardId }) => dashboardId)).toEqual(["hall", "plant"]);
  const exported = await dashboard("export", "-o", file("all.json"));
  expect([exported.code, exported.err]).toEqual([0, `${file("all.json")}: 2 dashboards\n`]);
  expect(JSON.parse(readFileSync(file("all.json"), "utf8"))).toEqual({
    dashboards: [{ dashboardId: "hall", title: "Hall" }, plant],
  });
  const again = await dashboard("export", "plant", "-o", file("all.json"));
  expect([again.code, again.err]).toEqual([
    2,
    expect.stringContaining("all.json is there already; --force replaces it"),
  ]);
  await ok("export", "plant", "hall", "-o", file("all.json"), "--force");
  expect(await ok("import", file("all.json"))).toBe("2 are there already as in the file\n");
  expect(await listed()).toEqual(before);
  await ok("delete", "hall");
  expect(await ok("import", file("all.json"))).toMatch(/^saved hall .*\n1 is there already as in the file\n$/);
});

test("what is there and is another is not replaced without --force, nor is anything else of the file saved", async () => {
  await ok("import", written("plant.json", plant));
  const [before] = await listed();
  const changed = written("changed.json", {
    dashboards: [
      { dashboardId: "new", title: "New" },
      { ...plant, title: "Other" },
    ],
  });
  const refused = await dashboard("import", changed);
  expect([refused.code, refused.out]).toEqual([1, ""]);
  expect(refused.err).toMatch(
    /^error: plant is there already and is another, saved by "ann" at \S+Z; --force replaces it\n/,
  );
  expect(refused.err).toEndWith("nothing was saved\n");
  expect(await listed()).toEqual([before]);
  expect(await ok("import", changed, "--dry-run", "--force")).toBe("would save new\nwould replace plant\n");
  expect(await listed()).toEqual([before]);
  const replaced = await ok("import", changed, "--force", "--user", "bob");
  expect(replaced.split("\n")[1]).toBe(`replaced plant (revision ${Number(before.revision) + 1})`);
  expect((await listed())[1]).toMatchObject({ title: "Other", updatedBy: "bob" });
});

test("all that is wrong in a file is said, each with its place, and nothing is saved", async () => {
  const wrong = {
    dashboards: [
      { dashboardId: "ok", title: "Ok" },
      {
        ...plant,
        dashbordId: 1,
        panels: [panel("a", { kind: "LINE" }), 7, panel("b", { x: "left", queries: [{ metrics: "t" }] })],
      },
      { dashboardId: "a b", title: "", panels: [panel("a", { width: 13, min: "NaN" })] },
      { dashboardId: "ok", title: "Again" },
      {
        dashboardId: "f",
        title: "F",
        variables: {},
        panels: [panel("a", { queries: [{ metric: "t", filters: ["x"] }] })],
      },
    ],
  };
  const refused = await dashboard("import", written("wrong.json", wrong));
  expect([refused.code, refused.out]).toEqual([1, ""]);
  const lines = refused.err.split("\n").map((line) => line.replace(`error: ${file("wrong.json")}: `, ""));
  expect(lines).toEqual([
    expect.stringMatching(
      /^dashboards\[1\]\.panels\[0\]\.kind is "LINE"; wanted one of PANEL_KIND_LINE, PANEL_KIND_STAT/,
    ),
    "dashboards[1].panels[1] is 7; wanted an object",
    'dashboards[1].panels[2].x is "left"; wanted a whole number',
    'dashboards[1].panels[2].queries[0] has "metrics"; did you mean metric?',
    'dashboards[1] has "dashbordId"; did you mean dashboardId?',
    expect.stringMatching(/^dashboards\[2\]\.dashboard_id is "a b"; wanted letters, digits/),
    'dashboards[2].title is ""; wanted one line of text',
    "dashboards[2].panels[0].width is 13; wanted 1 to 12",
    "dashboards[2].panels[0].min is NaN; wanted a finite number, or none",
    'dashboards[3].dashboard_id is "ok", as that of dashboards[0]; wanted each once',
    "dashboards[4].variables is {}; wanted a list",
    'dashboards[4].panels[0].queries[0].filters is ["x"]; wanted an object, such as {"site": "north"}',
    "nothing was saved",
    "",
  ]);
  expect(await listed()).toEqual([]);
  for (const [content, said] of [
    ['{"dashboardId": "a",\n "title": }', "line 2, column 11: it is no JSON from there on"],
    ["7", "it is 7; wanted a dashboard, or a list of dashboards"],
    ["", "line 1, column 1"],
  ]) {
    const { code, err } = await dashboard("import", written("broken.json", content));
    expect([code, err]).toEqual([1, expect.stringContaining(said)]);
  }
  const missing = await dashboard("import", file("missing.json"));
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("missing.json cannot be read")]);
});

test("what is not there is said by name; standard input is a file, too", async () => {
  for (const args of [
    ["show", "nope"],
    ["export", "nope"],
    ["delete", "nope"],
  ]) {
    const { code, err } = await dashboard(...args);
    expect([code, err]).toEqual([1, 'error: there is no dashboard "nope"\n']);
  }
  await rig.ok(["dashboard", "import", "-"], { stdin: JSON.stringify({ dashboard: plant }) });
  const { code, out, err } = await dashboard("delete", "nope", "plant", "plant");
  expect([code, out, err]).toEqual([1, "deleted plant\n", 'error: there is no dashboard "nope"\n']);
  expect((await dashboard()).err).toContain("Lists dashboards that are kept on the server");
});

test("dashboards go to another server in a backup", async () => {
  await ok("import", written("plant.json", plant));
  const [before] = await listed();
  await rig.ok(["backup", file("all.wpb")]);
  await rig.ok(["restore", file("all.wpb"), "--data", file("restored")]);
  await rig.restart(file("restored"));
  expect(await listed()).toEqual([before]);
  expect(JSON.parse(await ok("export", "plant"))).toEqual(plant);
  await ok("delete", "plant");
  await rig.restart(file("restored"));
  expect(await listed()).toEqual([]);
});
