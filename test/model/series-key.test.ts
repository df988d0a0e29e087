import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  deviceOf,
  metricOfKey,
  parseSeriesKey,
  seriesKey,
  sourceOfKey,
  tagOf,
  tagOfKey,
} from "../../src/model/series-key.ts";

const part = fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => text.replaceAll("\0", ""));
const tags = fc.uniqueArray(fc.tuple(part, part), { maxLength: 6, selector: ([key]) => key });

test("every order of the tags gives the same key, and the key gives back what went in", () => {
  const property = fc.property(part, part, tags, fc.integer({ min: 0, max: 5 }), (metric, source, given, turn) => {
    const turned = [...given.slice(turn), ...given.slice(0, turn)].reverse();
    const key = seriesKey(metric, source, given);
    expect(seriesKey(metric, source, turned)).toBe(key);
    const sorted = given.toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(parseSeriesKey(key)).toEqual({ metric, source, tags: sorted });
    expect(metricOfKey(key)).toBe(metric);
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("a part is found in a key as in what it says", () => {
  const property = fc.property(part, part, tags, part, (metric, source, given, tag) => {
    const key = seriesKey(metric, source, given);
    const identity = parseSeriesKey(key);
    expect(sourceOfKey(key)).toBe(source);
    for (const wanted of [tag, ...given.flat()]) expect(tagOfKey(key, wanted)).toBe(tagOf(identity, wanted));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("different identities have different keys", () => {
  const identity = fc.tuple(part, part, tags);
  const property = fc.property(identity, identity, ([m1, s1, t1], [m2, s2, t2]) => {
    const same = m1 === m2 && s1 === s2 && Bun.deepEquals(new Map(t1), new Map(t2));
    expect(seriesKey(m1, s1, t1) === seriesKey(m2, s2, t2)).toBe(same);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("of a repeated tag the last counts; the device is the tag, otherwise the source", () => {
  const key = seriesKey("m", "gw", [
    ["device", "a"],
    ["x", "1"],
    ["device", "b"],
  ]);
  expect(parseSeriesKey(key).tags).toEqual([
    ["device", "b"],
    ["x", "1"],
  ]);
  expect(deviceOf(parseSeriesKey(key))).toBe("b");
  expect(deviceOf(parseSeriesKey(seriesKey("m", "gw", [])))).toBe("gw");
});
