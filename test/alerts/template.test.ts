/** Titles and descriptions of alerts. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { compileTemplate, formatValue, type TemplateContext } from "../../src/alerts/template.ts";

const CONTEXT: TemplateContext = {
  value: 81.30000000000001,
  limit: 80,
  metric: "temperature",
  source: "gateway-1",
  device: "pump-7",
  severity: "high",
  rule: "hot",
  labels: { unit: "°C", "a.b": "dotted", severity: "of a tag" },
};
const WANTED =
  "wanted {value}, {limit}, {metric}, {source}, {device}, {severity}, {rule}, {status}, {reason} or {labels.KEY}";

test("names are filled in, labels that are not there with nothing, doubled braces are braces", () => {
  const filled = (text: string) => compileTemplate(text)(CONTEXT);
  expect(filled("Pump {device} at {value} {labels.unit}")).toBe("Pump pump-7 at 81.3 °C");
  expect(filled("{metric} {source} {severity} {rule} {limit}")).toBe("temperature gateway-1 high hot 80");
  expect(filled("[{labels.none}{labels.a.b}{labels.toString}{labels.severity}]")).toBe("[dottedof a tag]");
  expect(filled("{{value}} {{{value}}} }}{{")).toBe("{value} {81.3} }{");
  expect(filled("")).toBe("");
});

test("what is put in is not taken for a template", () => {
  expect(compileTemplate("{device}")({ ...CONTEXT, device: "{value} $& <b>" })).toBe("{value} $& <b>");
});

test("what is wrong is told with its place", () => {
  const sentences: [string, string][] = [
    ["Pump {devic}", "{devic} at character 6 is unknown; did you mean {device}?"],
    ["{VALUE}", "{VALUE} at character 1 is unknown; did you mean {value}?"],
    ["{}", `{} at character 1 is unknown; ${WANTED}`],
    ["{labels}", `{labels} at character 1 is unknown; ${WANTED}`],
    ["{labels.}", `{labels.} at character 1 is unknown; ${WANTED}`],
    ["a {value", `the { at character 3 is not closed; ${WANTED}, or {{ for a brace`],
    ["a {val{value}", `the { at character 3 is not closed; ${WANTED}, or {{ for a brace`],
    ["a } b", "the } at character 3 closes nothing; wanted }} for a brace"],
    ["is {{ $value }}", `{{ $value }} at character 4 is Prometheus' syntax; ${WANTED}`],
    ["{{$labels.device}} x", `{{$labels.device}} at character 1 is Prometheus' syntax; ${WANTED}`],
  ];
  for (const [text, message] of sentences) expect(() => compileTemplate(text)).toThrow(new RangeError(message));
});

test("numbers are short, and whole ones whole", () => {
  const numbers: [number, string][] = [
    [81.30000000000001, "81.3"],
    [0.1 + 0.2, "0.3"],
    [1013.2512, "1013.25"],
    [-0.000012345678, "-0.0000123457"],
    [123_456.78, "123457"],
    [99_999.96, "100000"],
    [12_345_678.9, "12345679"],
    [12_345_678, "12345678"],
    [-1_234_567_890_123, "-1234567890123"],
    [1.23456789e18, "1234570000000000000"],
    [1e300, "1e+300"],
    [0, "0"],
    [-0, "0"],
    [NaN, "n/a"],
    [Infinity, "Infinity"],
  ];
  for (const [value, shown] of numbers) expect(formatValue(value)).toBe(shown);
});

test("what comes out has a bound, and no half of a character", () => {
  expect(compileTemplate("{device}", 6)({ ...CONTEXT, device: "pump-7" })).toBe("pump-7");
  expect(compileTemplate("{device}", 5)({ ...CONTEXT, device: "pump-7" })).toBe("pump…");
  expect(compileTemplate("abc🙂def", 5)(CONTEXT)).toBe("abc…");
  const property = fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (device, max) => {
    const text = compileTemplate("{device}", max)({ ...CONTEXT, device });
    expect(text.length).toBeLessThanOrEqual(max);
    expect(text.isWellFormed()).toBe(device.isWellFormed());
    if (device.length <= max) expect(text).toBe(device);
  });
  fc.assert(property);
});

test("any text with its braces doubled stands for itself", () => {
  const texts = fc.string().filter((text) => !/\{ *\$/.test(text));
  const property = fc.property(texts, (text) => {
    expect(compileTemplate(text.replaceAll(/[{}]/g, "$&$&"))(CONTEXT)).toBe(text);
  });
  fc.assert(property);
});
