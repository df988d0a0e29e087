import { expect, test } from "bun:test";
import { coverageOf, matchersFor } from "../../../src/console/data/silence-draft.ts";
import { rowOf } from "./rows.ts";

const one = rowOf("a", { rule: "hot", labels: { device: "press.1", site: "north" } });
const two = rowOf("b", { rule: "cold", labels: { device: "press.2", site: "north" } });
const hall = rowOf("c", { rule: "hot", labels: { site: "north", hall: "3" } });

test("it begins with the rules and devices of the alerts, or with what they have in common", () => {
  expect(matchersFor([one])).toEqual(["alertname=hot", "device=press.1"]);
  expect(matchersFor([one, two])).toEqual([`alertname=~hot|cold`, String.raw`device=~"press\\.1|press\\.2"`]);
  expect(matchersFor([hall])).toEqual(["alertname=hot", "site=north", "hall=3"]);
  expect(matchersFor([one, hall])).toEqual(["alertname=hot", "site=north"]);
});

test("what it begins with covers the alerts it is for", () => {
  for (const rows of [[one], [one, two], [hall], [one, hall], [one, two, hall]]) {
    const { missed, unsure, covered } = coverageOf(matchersFor(rows), [one, two, hall], rows);
    expect([missed, unsure]).toEqual([[], []]);
    expect(covered.length).toBeGreaterThanOrEqual(rows.length);
  }
});

test("it says which it misses, of which the page cannot tell, and which matchers are none", () => {
  expect(coverageOf(["device=press.2"], [one, two], [one]).missed).toEqual([one]);
  expect(coverageOf(["device=~(press.)+1"], [one, two], [one]).unsure).toEqual([one, two]);
  expect(coverageOf(["device=press.2", "device", ""], [one, two], [])).toMatchObject({ wrong: [1, 2], covered: [] });
  expect(coverageOf([], [one, two], [])).toMatchObject({ wrong: [], covered: [] });
});
