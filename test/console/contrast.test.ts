/** Colours can be read in both schemes: text 4.5:1, edges and marks 3:1 on whatever they stand (WCAG 2.2 AA). */
import { expect, test } from "bun:test";
import { join } from "node:path";

const css = await Bun.file(join(import.meta.dir, "../../src/console/tokens.css")).text();
const GROUNDS = ["ground", "surface", "raised", "hover"];
const TEXTS = ["ink", "dim", "accent", "critical", "high", "medium", "low", "good"];
const MARKS = ["edge"];
const [TEXT_MIN, MARK_MIN] = [4.5, 3];

/** Of a token in both schemes: "#rgb" or "#rrggbb". */
function coloursOf(name: string): [light: string, dark: string] {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]+), (#[0-9a-f]+)\\);`).exec(css);
  if (found === null) throw new Error(`--${name} is not there as light-dark(#…, #…)`);
  return [found[1], found[2]];
}

function luminance(colour: string): number {
  const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function tooLittle(names: readonly string[], grounds: readonly string[], min: number): string[] {
  return names.flatMap((name) =>
    grounds.flatMap((ground) =>
      ["light", "dark"].flatMap((scheme, i) => {
        const ratio = contrast(coloursOf(name)[i], coloursOf(ground)[i]);
        return ratio >= min ? [] : [`${name} on ${ground}, ${scheme}: ${ratio.toFixed(2)}`];
      }),
    ),
  );
}

test("the ratio is that of the standard", () => {
  expect(contrast("#000", "#fff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

test("text can be read on every ground", () => {
  expect(tooLittle(TEXTS, GROUNDS, TEXT_MIN)).toEqual([]);
});

test("what stands on the accent and on the gravest can be read", () => {
  expect([
    ...tooLittle(["on-accent"], ["accent"], TEXT_MIN),
    ...tooLittle(["on-critical"], ["critical"], TEXT_MIN),
  ]).toEqual([]);
});

test("fields and buttons can be told from what they stand on", () => {
  expect(
    tooLittle(
      MARKS,
      GROUNDS.filter((ground) => ground !== "hover"),
      MARK_MIN,
    ),
  ).toEqual([]);
});
