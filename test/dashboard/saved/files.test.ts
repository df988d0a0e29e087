/** Files of dashboards: what the command line writes the console reads, and the other way round; examples are right. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { dashboardFile, readDashboards } from "../../../src/cli/dashboard-json.ts";
import { fileText, fileTextOfAll, readFile } from "../../../src/console/views/dashboards/dashboard-json.ts";
import { SavedDashboardSchema } from "../../../src/wire/gen/saved_dashboards_pb.ts";
import { exampleDashboard } from "./rig.ts";

const root = join(import.meta.dir, "../../..");
const read = (path: string) => Bun.file(join(root, path)).text();

test("both write the same, and read what they wrote", () => {
  const all = ["a", "b"].map((id) => create(SavedDashboardSchema, { ...exampleDashboard(id), revision: 7n }));
  expect(fileTextOfAll(all)).toBe(dashboardFile(all, true));
  expect(fileText(all[0])).toBe(dashboardFile(all, false));
  for (const text of [dashboardFile(all, true), dashboardFile(all, false)]) {
    const { dashboards, problems } = readDashboards(text);
    expect(problems).toEqual([]);
    expect(readFile(text)).toEqual({ dashboards, mistakes: [] });
    expect(dashboards[0]).toMatchObject({ dashboardId: "a", revision: 0n });
  }
});

test("the dashboard of the demo and the one of the documentation are right", async () => {
  const [, example] = /```json\n(.*?)```/s.exec(await read("docs/dashboards.md"))!;
  for (const text of [await read("src/cli/demo-data/factory-dashboard.json"), example]) {
    const { dashboards, problems } = readDashboards(text);
    expect(problems).toEqual([]);
    expect(readFile(text)).toEqual({ dashboards: [...dashboards], mistakes: [] });
  }
});
