import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { exploreLink } from "../../../src/console/views/dashboards/explore-link.ts";
import {
  choicesOf,
  filtersOfOthers,
  paramOf,
  resolved,
  unknownNames,
} from "../../../src/console/views/dashboards/variables.ts";
import { exploreStateOf } from "../../../src/console/data/explore-state.ts";
import { RangeFunction } from "../../../src/wire/gen/history_pb.ts";
import { DashboardVariableSchema, PanelSchema, type PanelQuery } from "../../../src/wire/gen/saved_dashboards_pb.ts";

const site = create(DashboardVariableSchema, { name: "site", tag: "site", defaultValue: "hall-1" });
const device = create(DashboardVariableSchema, { name: "device", tag: "device" });
const variables = [site, device];

test("the address says what is chosen, otherwise the default; what the default is does not stand in it", () => {
  expect(choicesOf(variables, new URLSearchParams())).toEqual({ site: "hall-1", device: "" });
  expect(choicesOf(variables, new URLSearchParams("var-site=hall-2&var-device=p*|q"))).toEqual({
    site: "hall-2",
    device: "p*|q",
  });
  for (const value of ["hall-1", "hall-2", ""]) {
    const params = new URLSearchParams(Object.entries(paramOf(site, value)).filter(([, text]) => text !== ""));
    expect(choicesOf(variables, params)["site"]).toBe(value);
  }
  expect(paramOf(site, "hall-1")).toEqual({ "var-site": "" });
});

test("what is chosen stands in metrics and filters; all means no filter", () => {
  const query: Pick<PanelQuery, "metric" | "filters"> = {
    metric: "$kind.temp",
    filters: { site: "$site", device: "$device", line: "a-$site-b", fixed: "x" },
  };
  const choices = { kind: "air", site: "hall-2", device: "" };
  expect(resolved(query, choices)).toEqual({
    metric: "air.temp",
    filters: { site: "hall-2", line: "a-hall-2-b", fixed: "x" },
  });
  expect(resolved(query, { kind: "", site: "", device: "" })).toEqual({
    metric: "*.temp",
    filters: { line: "a-*-b", fixed: "x" },
  });
});

test("a value that looks like a replacement pattern or a name is put in as it is", () => {
  expect(resolved({ metric: "$a", filters: {} }, { a: "$&$a$site", site: "no" }).metric).toBe("$&$a$site");
});

test("names that are no variables are found", () => {
  expect(unknownNames([{ metric: "t", filters: { site: "$site", x: "$other$other" } }], { site: "" })).toEqual([
    "other",
  ]);
});

test("values of one are narrowed by what is chosen in the others", () => {
  expect(filtersOfOthers(variables, { site: "hall-1", device: "p1" }, "device")).toEqual({ site: "hall-1" });
  expect(filtersOfOthers(variables, { site: "hall-1", device: "" }, "site")).toEqual({});
});

test("a panel leads to Explore with what it asks, of what is chosen", () => {
  const query = {
    metric: "temp",
    filters: { site: "$site", device: "$device" },
    function: RangeFunction.MAX,
    stepMs: 60_000n,
  };
  const panel = create(PanelSchema, {
    queries: [query, { ...query, metric: "hum" }, { metric: "other" }],
    logScale: true,
  });
  const link = exploreLink(panel, { site: "hall-2", device: "" }, { lastMs: 3_600_000 })!;
  expect(exploreStateOf(new URL(link, "http://host").searchParams)).toEqual({
    ...{ metrics: ["temp", "hum"], filters: { site: "hall-2" }, lastMs: 3_600_000 },
    ...{ function: "max", step: "1m", groupBy: [], logScale: true },
  });
  expect(exploreLink(create(PanelSchema), {}, { lastMs: 1 })).toBeUndefined();
});
