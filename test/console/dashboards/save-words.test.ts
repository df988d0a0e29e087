import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { mistakeOf } from "../../../src/console/views/dashboards/save-words.ts";
import { SavedDashboardSchema } from "../../../src/wire/gen/saved_dashboards_pb.ts";

const dashboard = create(SavedDashboardSchema, { panels: [{ id: "a" }, { id: "b" }] });
const of = (field: string, rest: string) => mistakeOf({ field, description: field + rest }, dashboard);

test("what is wrong is told of the panel that has it, as its form calls it", () => {
  expect([
    of("dashboard.panels[1].queries[0].metric", ' is ""; wanted a name'),
    of('dashboard.panels[0].queries[1].filters["site"]', ' is "$x"; wanted a variable'),
    of("dashboard.panels[0].queries[2].step_ms", " is -1; wanted 0 or more"),
    of("dashboard.panels[1].min", " is 4; wanted less than max, which is 2"),
    of("dashboard.panels[9].title", " is long; wanted less"),
    of("dashboard.range_ms", " is 0; wanted 1 or more"),
    mistakeOf({ field: "", description: "of nothing in particular" }, dashboard),
  ]).toEqual([
    { panelId: "b", text: "metric is empty; wanted a name" },
    { panelId: "a", text: 'metric 2: filter site is "$x"; wanted a variable' },
    { panelId: "a", text: "metric 3: step is -1; wanted 0 or more" },
    { panelId: "b", text: "lowest is 4; wanted less than max, which is 2" },
    { panelId: "", text: "title is long; wanted less" },
    { panelId: "", text: "range at first is 0; wanted 1 or more" },
    { panelId: "", text: "of nothing in particular" },
  ]);
});
