import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  compileMatchers,
  matchersText,
  matcherText,
  parseMatcher,
  picksOut,
  type LabelMatcher,
} from "../../../src/alerts/notify/label-matcher.ts";

test("matchers are read as Alertmanager writes them", () => {
  const read = (text: string) => Object.values(parseMatcher(text)).join(" ");
  expect(read("severity=critical")).toBe("severity = critical");
  expect(read(' team != "a b" ')).toBe("team != a b");
  expect(read("device=~pump-.*")).toBe("device =~ pump-.*");
  expect(read('path!~"C:\\\\d\\+"')).toBe("path !~ C:\\d\\+");
  expect(read('"a b"="say \\"x\\"\\n"')).toBe('a b = say "x"\n');
  expect(read("team=")).toBe("team = ");
});

test("what is no matcher is refused with what was wanted", () => {
  for (const text of [
    "",
    "team",
    "=x",
    "a b=c",
    'a="b',
    'a="b"c',
    "a=b,c=d",
    'a="b",c="d"',
    '""=x',
    `a=${"x".repeat(3_000)}`,
  ]) {
    expect(() => parseMatcher(text)).toThrow(RangeError);
  }
  expect(() => parseMatcher("a=~(")).toThrow("missing closing");
});

test("what is printed is read as the same", () => {
  const matcher = fc.record<LabelMatcher>({
    name: fc.string({ minLength: 1, maxLength: 8 }),
    operator: fc.constantFrom("=", "!="),
    value: fc.string({ unit: fc.constantFrom("a", '"', "\\", "\n", "n", " ", "=", "~", "{"), maxLength: 8 }),
  });
  fc.assert(fc.property(matcher, (given) => expect(parseMatcher(matcherText(given))).toEqual(given)));
});

test("a list has one text, whatever its order", () => {
  const texts = ['b="2"', 'a="1"', 'a=~"1"'];
  expect(matchersText(texts.map(parseMatcher))).toBe('{a="1",a=~"1",b="2"}');
  expect(matchersText(texts.reverse().map(parseMatcher))).toBe('{a="1",a=~"1",b="2"}');
});

test("all have to be met; a label that is not there has the value empty", () => {
  const matches = (labels: Record<string, string>, ...texts: string[]) =>
    compileMatchers(texts.map(parseMatcher))(labels);
  expect(matches({ a: "1", b: "2" }, "a=1", "b!=1", "b=~[0-9]", "c!~.+")).toBe(true);
  expect(matches({ a: "1", b: "2" }, "a=1", "b=~[0-9][0-9]")).toBe(false);
  expect(matches({ a: "1" }, "b=", "b!=1", "b=~.*")).toBe(true);
  expect(matches({}, "constructor=", "__proto__=")).toBe(true);
  expect(matches({})).toBe(true);
});

test("a list of words matches as the regular expression that it is", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "-", " ", "_", "1"), maxLength: 3 });
  const property = fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), word, (words, text) => {
    const pattern = words.join("|");
    const matcher: LabelMatcher = { name: "l", operator: "=~", value: pattern };
    expect(compileMatchers([matcher])({ l: text })).toBe(new RegExp(`^(?:${pattern})$`).test(text));
  });
  fc.assert(property);
});

test("a matcher that takes alerts without its label, or any value, picks nothing out", () => {
  const yes = [
    "team=x",
    "device=~pump-.*",
    "severity!=critical",
    "severity=~low|high",
    "alertname!=Hot",
    "alertname=~H.*",
  ];
  const no = [
    "team=",
    "team!=x",
    "team!~x",
    "team=~.*",
    "team=~.+",
    "team=~x?",
    "severity=~.+",
    'alertname!=""',
    "alertname=~.+",
  ];
  expect(yes.filter((text) => !picksOut(parseMatcher(text)))).toEqual([]);
  expect(no.filter((text) => picksOut(parseMatcher(text)))).toEqual([]);
});
