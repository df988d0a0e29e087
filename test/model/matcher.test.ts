import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileGlob, isGlob } from "../../src/model/glob.ts";
import { compileMatcher, matchingSeries, type MatcherOperator, type TagMatcher } from "../../src/model/matcher.ts";
import { compileRegex } from "../../src/model/regex.ts";
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

describe("matchers", () => {
  const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
  for (const [id, device] of ["pump-1", "pump-12", "fan-1", ""].entries()) {
    registry.restore({ id: id + 1, key: seriesKey("temp", "gw", device === "" ? [] : [["dev", device]]) });
  }
  const find = (...matchers: TagMatcher[]) =>
    matchingSeries(registry, compileMatcher(["*"], { source: "g*" }, "metric", matchers));
  const dev = (operator: MatcherOperator, value: string): TagMatcher => ({ key: "dev", operator, value });

  test('compare the whole value; a series without the tag has the value ""', () => {
    expect(find(dev("=", "pump-1"))).toEqual([1]);
    expect(find(dev("=", ""))).toEqual([4]);
    expect(find(dev("!=", "pump-1"))).toEqual([2, 3, 4]);
    expect(find(dev("!=", ""))).toEqual([1, 2, 3]);
    expect(find(dev("=", "pump-*"))).toEqual([]);
    expect(find(dev("glob", "pump-*|fan-?"))).toEqual([1, 2, 3]);
    expect(find(dev("!glob", "pump-*"))).toEqual([3, 4]);
    expect(find(dev("=~", "pump-[0-9]"))).toEqual([1]);
    expect(find(dev("=~", "fan|pump-1|pump-12"))).toEqual([1, 2]);
    expect(find(dev("!~", "(?i)PUMP-\\d+"))).toEqual([3, 4]);
    expect(find(dev("=~", ".*"))).toEqual([1, 2, 3, 4]);
  });

  test("must all match, and the filters too", () => {
    expect(find(dev("=~", "pump.*"), dev("!=", "pump-1"))).toEqual([2]);
    expect(find({ key: "metric", operator: "=", value: "other" })).toEqual([]);
    expect(find({ key: "device", operator: "=~", value: "g." })).toEqual([1, 2, 3, 4]);
  });

  test("that cannot be meant are refused by place, value and what is wrong with it", () => {
    for (const [matchers, field, sentence] of [
      [[{ ...dev("=", "x"), key: "" }], "matchers[0].key", 'is ""'],
      [
        [dev("=", "x"), dev("=~", "a(b")],
        "matchers[1].value",
        '"a(b"; wanted a regular expression in RE2 syntax: missing',
      ],
      [[dev("!~", "(?=a)")], "matchers[0].value", "unsupported Perl syntax"],
      [[dev("=~", "(a)\\1")], "matchers[0].value", "invalid escape sequence"],
      [[dev("=~", "(a{1,100}){1,10}")], "matchers[0].value", "too large"],
      [
        [dev("=~", "a".repeat(300)), dev("=~", "a".repeat(300))],
        "matchers[1].value",
        "at most 512 characters together",
      ],
      [[dev("glob", "")], "matchers[0].value", "a name or glob of 1 to 1024 characters"],
      [[dev("!=", "x".repeat(1_025))], "matchers[0].value", "at most 1024 characters"],
      [new Array(65).fill(dev("=", "x")), "matchers", "at most 64"],
    ] as [TagMatcher[], string, string][]) {
      const violation = expect.objectContaining({ field, description: expect.stringContaining(sentence) });
      expect(() => find(...matchers)).toThrow(
        expect.objectContaining({ status: "INVALID_ARGUMENT", violations: [violation] }),
      );
    }
  });
});

test("a regular expression agrees with the engine that backtracks, on the whole of a text", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "1", "-"), maxLength: 10 });
  const atom = fc.constantFrom("a", "b", "[ab]", "\\d", ".", "-", "(a|1b)", "(?:b1)");
  const part = fc.tuple(atom, fc.constantFrom("", "*", "+", "?", "{1,2}")).map(([one, times]) => one + times);
  const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
  const property = fc.property(fc.tuple(pattern, pattern), text, ([left, right], given) => {
    const whole = `${left}|${right}`;
    expect([whole, given, compileRegex(whole)(given)]).toEqual([
      whole,
      given,
      new RegExp(`^(?:${whole})$`).test(given),
    ]);
  });
  fc.assert(property, { numRuns: 3_000 });
});

test("regular expressions that blow up a backtracking matcher do not", () => {
  for (const pattern of ["(a+)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){100}b"]) {
    const matches = compileRegex(pattern);
    expect([pattern, matches("a".repeat(5_000)), matches(`${"a".repeat(50)}b`)]).toEqual([pattern, false, true]);
  }
});
