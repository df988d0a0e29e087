import { expect, test } from "bun:test";
import { prometheusLabels } from "../../../src/edge/remote-write/prometheus-labels.ts";
import { SeriesNames } from "../../../src/edge/remote-write/series-names.ts";
import { encodedLabels, encodeWriteRequest } from "../../../src/edge/remote-write/write-request.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { samplesIn } from "./receiver-rig.ts";

const labelsOf = (metric: string, source: string, tags: Record<string, string>, external: [string, string][] = []) =>
  prometheusLabels(seriesKey(metric, source, Object.entries(tags)), external);

test("a series is called as Prometheus has it", () => {
  expect(labelsOf("plant.line-1.temp", "gw", { "line no": "4", "9": "x", empty: "" }).pairs).toEqual([
    ["_9", "x"],
    ["__name__", "plant_line_1_temp"],
    ["device", "gw"],
    ["line_no", "4"],
    ["source", "gw"],
  ]);
  expect(labelsOf("1m", "gw", { device: "press" }).pairs).toEqual([
    ["__name__", "_1m"],
    ["device", "press"],
    ["source", "gw"],
  ]);
});

test("tags that are called as other labels are stand aside, and those that become one are told", () => {
  const { pairs, isJoined } = labelsOf("t", "gw", { source: "a", "a.b": "1", a_b: "2" });
  expect(Object.fromEntries(pairs)).toMatchObject({ source: "gw", exported_source: "a", a_b: "2" });
  expect(isJoined).toBe(true);
});

test("external labels do not take the place of others", () => {
  const external: [string, string][] = [
    ["node", "n1"],
    ["site", "north"],
  ];
  expect(Object.fromEntries(labelsOf("t", "gw", { site: "south" }, external).pairs)).toMatchObject({
    ...{ node: "n1", site: "south" },
  });
});

test("metrics that have one name there are counted and told once each", () => {
  const keys = ["a.b", "a_b", "a:b", "a.b"].map((metric, i) => seriesKey(metric, "gw", [["n", String(i)]]));
  const told: string[] = [];
  const names = new SeriesNames({ keyOf: (id) => keys[id] }, [], (sentence) => told.push(sentence));
  for (let id = 0; id < keys.length; id++) names.encodedOf(id);
  expect(names.collisions).toBe(1);
  expect(told).toEqual(["the metrics a.b and a_b are both called a_b by remote write"]);
});

test("samples of each series go in order, one a millisecond, the last that came", () => {
  const encoded = encodedLabels([["__name__", "t"]]);
  const other = encodedLabels([["__name__", "ü"]]);
  const rows = {
    seriesIds: Uint32Array.of(1, 2, 1, 1, 1, 3, 1),
    timesUs: Float64Array.of(5_000, 7_000, 2_000, 2_999, 1_764_000_000_123_000, 1, 2_000),
    values: Float64Array.of(1, -2.5, 3, 4, 5, 6, 7),
  };
  const labelsOfId = (id: number) => (id === 1 ? encoded : id === 2 ? other : undefined);
  const request = encodeWriteRequest(rows, Uint32Array.of(0, 1, 2, 3, 4, 5, 6), labelsOfId);
  expect(samplesIn(request.bytes)).toEqual([
    { series: "__name__=t", timeMs: 2, value: 4 },
    { series: "__name__=t", timeMs: 5, value: 1 },
    { series: "__name__=t", timeMs: 1_764_000_000_123, value: 5 },
    { series: "__name__=ü", timeMs: 7, value: -2.5 },
  ]);
  // The two of 2,000 µs are one point, corrected.
  expect(request).toMatchObject({ samples: 4, collided: 1, leftOut: 1 });
});
