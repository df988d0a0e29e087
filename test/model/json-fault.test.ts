import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonFault } from "../../src/model/json-fault.ts";

test.each<[text: string, line: number, column: number, wanted: string]>([
  ["", 1, 1, "a value"],
  ["nul", 1, 1, "a value"],
  ["1 2", 1, 3, "the end"],
  ['[{"a": 1,}]', 1, 10, "a name in double quotes"],
  ['{\n "a": [\n  {"b": 1\n  "c": 2}\n]}', 4, 3, '"," or "}"'],
  ["[1 2]", 1, 4, '"," or "]"'],
  ["[1,]", 1, 4, "a value"],
  ["[}", 1, 2, 'a value or "]"'],
  ["{]", 1, 2, 'a name in double quotes or "}"'],
  ["{'a': 1}", 1, 2, 'a name in double quotes or "}"'],
  ['{"a" 1}', 1, 6, '":"'],
  ['["a\nb"]', 1, 2, 'a value or "]"'],
  ["[01]", 1, 2, 'a value or "]"'],
  ['{"a": "x"', 1, 10, '"," or "}"'],
  ["[1]]", 1, 4, "the end"],
])("%j is no JSON from a place on", (text, line, column, wanted) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(jsonFault(text)).toEqual({ line, column, wanted });
});

test("what JSON.parse takes has no fault, and what it does not take has one", () => {
  fc.assert(fc.property(fc.json({ noUnicodeString: false }), (text) => jsonFault(text) === undefined));
  fc.assert(fc.property(fc.jsonValue(), (value) => jsonFault(JSON.stringify(value, null, 2)) === undefined));
  const piece = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-0.5e3", "true", " ", "\n", "\\", "x");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      expect(jsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 5_000 },
  );
});

test("deep nesting and a long string are read", () => {
  expect(jsonFault(`${"[".repeat(100_000)}1${"]".repeat(100_000)}`)).toBeUndefined();
  expect(jsonFault(`"${"é\\n".repeat(1_000_000)}"`)).toBeUndefined();
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
