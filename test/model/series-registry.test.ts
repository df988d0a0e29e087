/** Forgetting series: their names are free, their ids are not. */
import { expect, test } from "bun:test";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";

function registryOf(...names: (readonly [metric: string, source: string])[]) {
  const registry = new SeriesRegistry({ seriesMax: 5, seriesPerSourceMax: 3 });
  for (const [metric, source] of names) registry.add(seriesKey(metric, source, []), source);
  return registry;
}

test("a forgotten series is found by nothing, and its key gets another id", () => {
  const registry = registryOf(["a", "s"], ["b", "s"], ["a", "t"]);
  const told: number[][] = [];
  const stop = registry.onForgotten((ids) => told.push([...ids]));
  registry.forget([1, 2, 77]);
  stop();
  expect(told).toEqual([[1, 2]]);
  expect([registry.count, registry.has(1), registry.has(3), registry.idOf(seriesKey("a", "s", []))]).toEqual([
    1,
    false,
    true,
    undefined,
  ]);
  expect([[...registry.metrics()], registry.idsOfMetric("a"), registry.idsOfMetric("b")]).toEqual([["a"], [3], []]);
  expect(registry.add(seriesKey("a", "s", []), "s")).toBe(78);
  expect([registry.idsOfMetric("a"), registry.keyOf(78)]).toEqual([[3, 78], seriesKey("a", "s", [])]);
  registry.forget([3, 78]);
  expect(told.length).toBe(1);
});

test("answers that are under way can still name it", () => {
  const registry = registryOf(["a", "s"]);
  registry.forget([1]);
  expect(registry.keyOf(1)).toBe(seriesKey("a", "s", []));
  expect(() => registry.keyOf(2)).toThrow("there is no series 2");
  registry.forget([9]);
  expect(() => registry.keyOf(9)).toThrow(expect.objectContaining({ status: "ABORTED" }));
});

test("its room under the limits is free again", () => {
  const registry = registryOf(["a", "s"], ["b", "s"], ["c", "s"], ["a", "t"], ["b", "t"]);
  expect(registry.add(seriesKey("c", "t", []), "t")).toContain("series_max");
  registry.forget([1, 2]);
  expect(registry.add(seriesKey("d", "s", []), "s")).toBe(6);
  expect(registry.add(seriesKey("c", "t", []), "t")).toBe(7);
  registry.forget([7]);
  expect(registry.add(seriesKey("e", "s", []), "s")).toBe(8);
});

test("whether there is room for a series is what adding one would say", () => {
  const registry = registryOf(["a", "s"], ["b", "s"], ["c", "s"]);
  expect([registry.hasRoomFor("s"), registry.hasRoomFor("t")]).toEqual([false, true]);
  registry.forget([1]);
  expect(registry.hasRoomFor("s")).toBe(true);
  for (const metric of ["a", "b", "c"]) registry.add(seriesKey(metric, "t", []), "t");
  expect([registry.hasRoomFor("s"), registry.hasRoomFor("u")]).toEqual([false, false]);
});
