import { expect, test } from "bun:test";
import { exploreStateOf, filterParams, mistakesIn, queryOf, rangeName } from "../../src/console/data/explore-state.ts";

const stateOf = (query: string) => exploreStateOf(new URLSearchParams(query));

test("an address says what is shown, and what it cannot say is left out", () => {
  expect(
    stateOf(
      "metric=temp_c,load*&device=pump-1&tag.site=hall%201&range=90s&fn=p95&step=10s&by=site&agg=max&log=1&band=0",
    ),
  ).toEqual({
    metrics: ["temp_c", "load*"],
    filters: { device: "pump-1", site: "hall 1" },
    lastMs: 90_000,
    function: "p95",
    step: "10s",
    groupBy: ["site"],
    aggregation: "max",
    logScale: true,
    band: false,
  });
  expect(stateOf("metric=a,b&metric=c&metric=&by=x&by=y")).toMatchObject({
    metrics: ["a", "b", "c"],
    groupBy: ["x", "y"],
  });
  expect(stateOf("metric=,&range=forever&fn=toString&agg=median&from=yesterday&to=9&tag.=x&device=")).toEqual({
    ...{ metrics: [], filters: {}, lastMs: 300_000, step: "", groupBy: [], logScale: false },
  });
});

test("a range of one's own is in ISO 8601 or in milliseconds, and has to end after it begins", () => {
  const wanted = { fromMs: 1_000, toMs: 2_000 };
  expect(stateOf("from=1970-01-01T00:00:01Z&to=2000").own).toEqual(wanted);
  expect(stateOf("from=2000&to=1000").own).toBeUndefined();
  expect(queryOf(stateOf("metric=m&range=1h&from=1000&to=2000"), "m").range).toEqual(wanted);
});

test("what of an address cannot be read is said", () => {
  const said = (query: string) => mistakesIn(new URLSearchParams(query));
  expect(said("metric=m&range=90s&from=1970-01-01T00:00:01Z&to=2000&fn=p95&agg=max")).toEqual([]);
  expect(said("range=&from=&to=")).toEqual([]);
  expect(said("range=99y&from=2026-13-45&to=yesterday&fn=toString")).toEqual([
    'range is "99y"; wanted a time such as 15m or 7d, at most 400d',
    'from is "2026-13-45"; wanted a time such as 2026-03-01T12:00:00Z',
    'to is "yesterday"; wanted a time such as 2026-03-01T12:00:00Z',
    expect.stringContaining('fn is "toString"; wanted one of '),
  ]);
  expect(said("from=1000")).toEqual(['only "from" is given; wanted both']);
  expect(said("from=2000&to=1000")).toEqual(["to is 1000, no later than from, 2000"]);
});

test("a step that cannot be read asks for none, and a day is told as it is chosen", () => {
  expect(queryOf(stateOf("step=soon"), "m")).not.toHaveProperty("stepMs");
  expect(queryOf(stateOf("step=2m"), "m").stepMs).toBe(120_000);
  expect([86_400_000, 90_000].map(rangeName)).toEqual(["24h", "1m30s"]);
});

test("filters that are gone leave the address", () => {
  const before = new URLSearchParams("metric=m&device=a&tag.site=b");
  expect(filterParams({ site: "c", source: "d" }, before)).toEqual({ device: "", "tag.site": "c", source: "d" });
});
