import { expect, test } from "bun:test";
import fc from "fast-check";
import { matcherText, parseMatcher, testOf } from "../../../src/console/data/label-matcher.ts";
import {
  compileMatchers,
  matcherText as serverText,
  parseMatcher as serverParse,
} from "../../../src/alerts/notify/label-matcher.ts";

const takesOf = (...texts: string[]) => testOf(texts.map((text) => parseMatcher(text)!));

test("equal, unequal, expressions of words and dots; a label that is not there is empty", () => {
  const labels = { device: "pump-1", site: "north" };
  expect(takesOf("device=pump-1")(labels)).toBe(true);
  expect(takesOf("device=pump")(labels)).toBe(false);
  expect(takesOf("device=~pump-.*", "site!=south")(labels)).toBe(true);
  expect(takesOf("site=~south|north")(labels)).toBe(true);
  expect(takesOf("site!~south|north")(labels)).toBe(false);
  expect(takesOf("line=")(labels)).toBe(true);
});

test("of what could take long the page does not judge, unless something else already says no", () => {
  expect(takesOf("device=~(a+)+")({ device: "aaaa" })).toBeUndefined();
  expect(takesOf("device=~.*.*.*x")({ device: "aaaa" })).toBeUndefined();
  expect(takesOf("device=~(a+)+", "site=south")({ device: "aaaa" })).toBe(false);
});

test("it reads and judges as the server does", () => {
  const value = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("pump-1", "pump-.*", "a|b", "north.+", ".*", "", 'quo"te', "a,b", "back\\slash", "a\\.b"),
  );
  const matcher = fc.record({
    name: fc.constantFrom("device", "site", "na me", "x{y}"),
    operator: fc.constantFrom("=", "!=", "=~", "!~"),
    value,
  });
  fc.assert(
    fc.property(matcher, value, (given, labelValue) => {
      let text: string;
      try {
        text = serverText(given);
        serverParse(text);
      } catch {
        return;
      }
      expect(parseMatcher(text)).toEqual(given);
      expect(serverParse(matcherText(given))).toEqual(given);
      const labels = { [given.name]: labelValue };
      const ours = testOf([given])(labels);
      if (ours !== undefined) expect(ours).toBe(compileMatchers([given])(labels));
    }),
    { seed: 11, numRuns: 1_000 },
  );
});
