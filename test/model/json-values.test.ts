/** Values are counted before JSON is parsed, and in what was. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { countJsonValues, countValues } from "../../src/model/json-values.ts";

test("what is counted in the text is never less than what becomes of it, but for the first, and at most twice as much", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.boolean(), (value, isIndented) => {
      const text = Buffer.from(JSON.stringify(value, null, isIndented ? 2 : 0));
      const counted = countJsonValues(text, Infinity);
      const made = countValues(JSON.parse(text.toString()), Infinity);
      expect(counted + 1).toBeGreaterThanOrEqual(made);
      expect(counted).toBeLessThanOrEqual(2 * made);
    }),
  );
});

test("no further than one past the most", () => {
  const text = JSON.stringify(Array.from({ length: 100 }, () => ({ a: 1 })));
  expect(countJsonValues(Buffer.from(text), 10)).toBe(11);
  expect(countValues(JSON.parse(text), 10)).toBe(11);
});

test("what stands in texts is none", () => {
  expect(countJsonValues(Buffer.from(JSON.stringify({ name: '",[{\\"', other: "," })), 10)).toBe(2);
});
