import { expect, test } from "bun:test";
import fc from "fast-check";
import { compileGlob, compileMatcher, isGlob, matchingSeries } from "../../src/model/matcher.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";

/** The same as a regular expression, which is simpler to believe and slower to run. */
function asRegExp(pattern: string): RegExp {
  const alternatives = pattern.split("|").map((glob) =>
    glob
      .replace(/[.+^${}()[\]\\/]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", "."),
  );
  return new RegExp(`^(?:${alternatives.join("|")})$`, "s");
}

test("a glob matches what a regular expression of the same meaning matches", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "_", "(", "\n"), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?", "|", "("), maxLength: 10 });
  const property = fc.property(pattern, text, (glob, given) => {
    expect([glob, given, compileGlob(glob)(given)]).toEqual([glob, given, asRegExp(glob).test(given)]);
  });
  fc.assert(property, { numRuns: 3_000 });
});

test("patterns that blow up a backtracking matcher do not", () => {
  const stars = compileGlob(`${"*a".repeat(300)}b`);
  const text = "a".repeat(5_000);
  expect(stars(text)).toBe(false);
  expect(stars(`${text}b`)).toBe(true);
});

test("names that only look like patterns of another kind are names", () => {
  for (const name of ["a.b", "a[b]", "^a$", "a+"]) {
    expect(isGlob(name)).toBe(false);
    expect([compileGlob(name)(name), compileGlob(name)("axb")]).toEqual([true, false]);
  }
});

test("series are found by metric names and globs, and by filters on source, metric, device and tags, all of them", () => {
  const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
  let id = 0;
  const add = (metric: string, source: string, tags: [string, string][] = []) => {
    registry.restore({ id: ++id, key: seriesKey(metric, source, tags) });
    return id;
  };
  const pump1 = add("temp", "gw1", [
    ["device", "pump-1"],
    ["site", "north"],
  ]);
  const pump2 = add("temp", "gw1", [
    ["device", "pump-2"],
    ["site", "south"],
  ]);
  const bare = add("temp", "gw2");
  const humidity = add("humidity", "gw2", [["site", "north"]]);
  const find = (names: string[], filters: Record<string, string> = {}) =>
    matchingSeries(registry, compileMatcher(names, filters)).sort((a, b) => a - b);
  expect(find(["temp"])).toEqual([pump1, pump2, bare]);
  expect(find(["t*", "humid???"])).toEqual([pump1, pump2, bare, humidity]);
  expect(find(["*"], { metric: "h*" })).toEqual([humidity]);
  expect(find(["*"], { device: "pump-*|gw2" })).toEqual([pump1, pump2, bare, humidity]);
  expect(find(["*"], { device: "pump-1|pump-3", source: "gw1" })).toEqual([pump1]);
  expect(find(["*"], { site: "north", source: "gw2" })).toEqual([humidity]);
  expect(find(["temp"], { site: "|south" })).toEqual([pump2, bare]);
  expect(find(["nothing"])).toEqual([]);
});

test("what cannot be meant is refused by the field it stands in", () => {
  for (const [names, filters, field] of [
    [[], {}, "metric_names"],
    [[""], {}, "metric_names"],
    [["x".repeat(1_025)], {}, "metric_names"],
    [["x"], { site: "" }, 'filters["site"]'],
  ] as const) {
    const refused = () => compileMatcher(names, filters);
    expect(refused).toThrow(
      expect.objectContaining({ status: "INVALID_ARGUMENT", violations: [expect.objectContaining({ field })] }),
    );
  }
});
