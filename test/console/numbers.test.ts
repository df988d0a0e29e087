import { expect, test } from "bun:test";
import { decimalText, numberText } from "../../src/console/format.ts";

const written = (value: number, options: Intl.NumberFormatOptions = {}) =>
  value.toLocaleString(undefined, { maximumFractionDigits: 20, ...options });

test("numbers have five digits, and all of their whole part: a counter is what was counted", () => {
  for (const exact of [0, -0.25, 5.5, 99.999, 12_345, 123_456, -9_876_543_210, 2 ** 53])
    expect(numberText(exact)).toBe(written(exact));
  expect(numberText(123_456.78)).toBe(written(123_457));
  expect(numberText(0.00012345678)).toBe(written(0.00012346));
  expect(numberText(NaN)).toBe("–");
});

test("where decimals were chosen there are so many, as the reader's locale writes them", () => {
  expect(decimalText(1_234.5, 2)).toBe(written(1_234.5, { minimumFractionDigits: 2 }));
  expect(decimalText(1_234.5, 0)).toBe(written(1_235));
  expect(decimalText(1_234.5, undefined)).toBe(numberText(1_234.5));
  expect(decimalText(Infinity, 2)).toBe("–");
});
