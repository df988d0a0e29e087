/** Conditions on series as text. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { matcherOfWhere, whereOfMatcher } from "../../src/model/where.ts";

test("every operator becomes a matcher; what is empty is compared", () => {
  const texts = [
    "site=plant-*",
    "unit!=F",
    "line=~a|b",
    "line!~x=~y",
    "zone=",
    "floor!=",
    "room no=1",
    "a=b!=c",
    "re=~",
  ];
  expect(texts.map(matcherOfWhere)).toEqual([
    { key: "site", operator: "glob", value: "plant-*" },
    { key: "unit", operator: "!glob", value: "F" },
    { key: "line", operator: "=~", value: "a|b" },
    { key: "line", operator: "!~", value: "x=~y" },
    { key: "zone", operator: "=", value: "" },
    { key: "floor", operator: "!=", value: "" },
    { key: "room no", operator: "glob", value: "1" },
    { key: "a", operator: "glob", value: "b!=c" },
    { key: "re", operator: "=~", value: "" },
  ]);
  expect(texts.map((text) => whereOfMatcher(matcherOfWhere(text)))).toEqual(texts);
});

test("what cannot be meant is refused with what was wanted", () => {
  const keyWanted = "wanted source, metric, device or a tag before =, !=, =~ or !~";
  const sentences: [string, string][] = [
    ["site", 'wanted KEY=VALUE, such as "device=pump-*"'],
    ["", 'wanted KEY=VALUE, such as "device=pump-*"'],
    ["=x", keyWanted],
    ["!~x", keyWanted],
    ["site>=3", keyWanted],
    ["'site'=x", keyWanted],
    ["site ==x", keyWanted],
    ["site==x", "wanted one = between key and value"],
    ["site=~(", "wanted a regular expression in RE2 syntax: missing closing ): `(`"],
    ["site!~(?=x)", "wanted a regular expression in RE2 syntax: invalid or unsupported Perl syntax: `(?=`"],
  ];
  for (const [text, message] of sentences) expect(() => matcherOfWhere(text)).toThrow(new RangeError(message));
});

test("whatever text is a condition comes back as it was", () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.string(), fc.constantFrom("=", "!=", "=~", "!~"), fc.string()).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        expect(whereOfMatcher(matcherOfWhere(given))).toBe(given);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
});
