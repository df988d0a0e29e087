import { expect, test } from "bun:test";
import { keyOfPlace, OWN_MARKS, seriesOfKey, sharedMarks } from "../../src/alerts/series-marks.ts";
import { sourceOfKey, seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";

const keys = ["a", "b"].map((source) => seriesKey("temperature", source, [["unit", `"°C"`]]));

function registryOf(...known: string[]): SeriesRegistry {
  const registry = new SeriesRegistry({ seriesMax: 10, seriesPerSourceMax: 10 });
  for (const key of known) registry.add(key, sourceOfKey(key));
  return registry;
}

test("a series is the same one on a node that counts in another order, and on one that has not heard of it", () => {
  const registries = [registryOf(...keys), registryOf(...keys.toReversed()), registryOf()];
  const [first, ...others] = registries.map((registry) => ({ registry, marks: sharedMarks(registry) }));
  for (const key of keys) {
    const mark = keyOfPlace(first.registry.idOf(key)!, first.marks);
    for (const { registry, marks } of others) {
      const id = seriesOfKey(mark, marks);
      expect(registry.keyOf(id!)).toBe(key);
      expect(keyOfPlace(id!, marks)).toBe(mark);
    }
  }
});

test("what names no series is none; by themselves nodes write ids", () => {
  const marks = sharedMarks(registryOf(...keys));
  for (const mark of ["1", "[]", "[", `["temperature"]`, "[1,2]"]) expect(seriesOfKey(mark, marks)).toBeUndefined();
  expect(seriesOfKey("", marks)).toBe(0);
  expect(keyOfPlace(0, marks)).toBe("");
  expect(keyOfPlace(7, OWN_MARKS)).toBe("7");
  expect(seriesOfKey("7", OWN_MARKS)).toBe(7);
});
