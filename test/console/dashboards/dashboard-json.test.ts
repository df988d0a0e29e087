import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { fileText, fileTextOfAll, readFile } from "../../../src/console/views/dashboards/dashboard-json.ts";
import { PanelKind, SavedDashboardSchema } from "../../../src/wire/gen/saved_dashboards_pb.ts";

const plant = create(SavedDashboardSchema, {
  ...{ dashboardId: "plant", title: "Plant", rangeMs: 60_000n, revision: 7n, updatedBy: "Ada" },
  panels: [
    { id: "a", kind: PanelKind.GAUGE, width: 3, height: 3, min: 0, queries: [{ metric: "t", filters: { s: "$s" } }] },
  ],
  variables: [{ name: "s", tag: "site" }],
});

test("what is exported is imported as it was, without what the server sets", () => {
  const expected = { dashboards: [{ ...plant, revision: 0n, updatedBy: "" }], mistakes: [] };
  expect(readFile(fileText(plant))).toEqual(expected);
  expect(readFile(fileTextOfAll([plant]))).toEqual(expected);
  expect(readFile(`[${fileText(plant)}]`)).toEqual(expected);
  expect(fileText(plant)).not.toContain("Ada");
});

test("all mistakes are said, each with its place", () => {
  const wrong = {
    dashboardId: "plant",
    tittle: "Plant",
    panels: [{ id: "a" }, { width: "wide" }, { queries: [{ metric: 5 }] }],
    variables: [7],
  };
  const { dashboards, mistakes } = readFile(JSON.stringify({ dashboards: [{ dashboardId: "b" }, wrong] }));
  expect(dashboards).toEqual([]);
  expect(mistakes.map((mistake) => mistake.split(": ")[0])).toEqual([
    "dashboards[1].panels[1]",
    "dashboards[1].panels[2]",
    "dashboards[1].variables[0]",
    "dashboards[1]",
  ]);
  expect(mistakes[3]).toContain('"tittle"');
});

test("what is no JSON is said by line and column; what is no dashboard by what it is", () => {
  expect(readFile('{\n  "title": }').mistakes).toEqual(["line 2, column 12: wanted a value"]);
  expect(readFile("[]").mistakes).toEqual(["the list has 0 dashboards; wanted 1 to 1000"]);
  expect(readFile("7").mistakes).toEqual(["the file: 7 is no dashboard; wanted an object"]);
  expect(readFile("{}").mistakes).toEqual(['dashboardId: missing; wanted letters, digits, "_" and "-"']);
  expect(readFile("x".repeat(5_000_000)).mistakes[0]).toContain("wanted at most");
});
