import { expect, test } from "bun:test";
import fc from "fast-check";
import { LineParser, readField, readSection } from "../../../src/ingestion/doors/line-parser.ts";

function parsed(text: string | Uint8Array, unitsPerUs = 1_000, stepBytes = Infinity) {
  const points: unknown[] = [];
  const malformed: string[] = [];
  const texts: string[] = [];
  const bytes = Buffer.from(text);
  const parser = new LineParser(bytes, unitsPerUs, {
    point: (line, form, value, timeUs) => {
      const { measurement, tags } = readSection(bytes.toString("latin1", form.metricAt, form.metricEnd));
      const field = readField(bytes.toString("latin1", form.tagsAt, form.tagsEnd));
      points.push([line, measurement, Object.fromEntries(tags), field, value, timeUs]);
    },
    text: (line, field) => texts.push(`${line} ${readField(field)}`),
    malformed: (line, reason) => malformed.push(`${line} ${reason}`),
  });
  while (!parser.step(stepBytes));
  return { points, malformed, texts };
}

test("measurement, tags, fields of all kinds, timestamp", () => {
  const { points, texts, malformed } = parsed(
    'cpu,host=web-1,cpu=cpu0 usage_idle=98.25,n=12i,u=7u,up=t,down=FALSE,note="a, b=c 5",e=-1.5e3 1700000000123456789\n',
  );
  const tags = { host: "web-1", cpu: "cpu0" };
  expect(points).toEqual(
    [
      ["usage_idle", 98.25],
      ["n", 12],
      ["u", 7],
      ["up", 1],
      ["down", 0],
      ["e", -1_500],
    ].map(([field, value]) => [1, "cpu", tags, field, value, 1_700_000_000_123_456]),
  );
  expect([texts, malformed]).toEqual([["1 note"], []]);
});

test.each([
  [1_000, "1700000000000000000", 1_700_000_000_000_000],
  [1, "1700000000000000", 1_700_000_000_000_000],
  [1e-3, "1700000000000", 1_700_000_000_000_000],
  [1e-6, "1700000000", 1_700_000_000_000_000],
  [1_000, "999", 0],
  [1_000, "-5000", -5],
  [1_000, "-1", -1],
])("timestamps of %d to a microsecond: %s", (unitsPerUs, text, timeUs) => {
  expect(parsed(`m v=1 ${text}`, unitsPerUs).points).toEqual([[1, "m", {}, "v", 1, timeUs]]);
});

test("no timestamp, comments, empty lines, line ends of Windows, spaces", () => {
  const { points, malformed } = parsed("# a comment\r\n\n  m v=1\r\nm,a=b   v=2   1000 \r\n");
  expect(points).toEqual([
    [3, "m", {}, "v", 1, NaN],
    [4, "m", { a: "b" }, "v", 2, 1],
  ]);
  expect(malformed).toEqual([]);
});

test("what is escaped, and text with line breaks and quotes in it", () => {
  const { points, texts } = parsed('my\\ m\\,x,t\\=1=a\\ b,é=ü f\\ 1=1,s="x\\"y\nz",g=2 1000\nm v=3 1000');
  expect(points).toEqual([
    [1, "my m,x", { "t=1": "a b", é: "ü" }, "f 1", 1, 1],
    [1, "my m,x", { "t=1": "a b", é: "ü" }, "g", 2, 1],
    [2, "m", {}, "v", 3, 1],
  ]);
  expect(texts).toEqual(["1 s"]);
});

test("a line that cannot be read costs only itself", () => {
  const { points, malformed } = parsed(
    ["good v=1 1000", ",x=1 v=1", "nofields", "m  1000", "m v=abc 1000", "m v=1 12x", "m v 1000", "good v=2 2000"].join(
      "\n",
    ),
  );
  expect(points).toEqual([
    [1, "good", {}, "v", 1, 1],
    [8, "good", {}, "v", 2, 2],
  ]);
  expect(malformed).toEqual([
    "2 it has no measurement",
    "3 it has no fields",
    "4 a field is not key=value",
    '5 field "v" is "abc"; wanted a number, a boolean or "text"',
    '6 its timestamp is "12x"; wanted a whole number',
    "7 a field is not key=value",
  ]);
  const open = parsed('good v=1 1000\nm v="never closed 1\ngood v=2 2000\n');
  expect(open.malformed).toEqual(["2 a text has no closing quote"]);
  expect(open.points).toHaveLength(2);
});

test("numbers are those that ECMAScript reads", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e-320 }), (value) => {
      expect(parsed(`m v=${value} 1000`).points).toEqual([[1, "m", {}, "v", value, 1]]);
    }),
  );
  for (const text of ["1.", ".5", "+1", "007", "12345678901234567890", "0.1234567890123456789", "-0"]) {
    expect(parsed(`m v=${text}`).points).toEqual([[1, "m", {}, "v", Number(text), NaN]]);
  }
  for (const text of ["0x10", "NaN", "Infinity", "1e", "--1", "1.2.3", "1i2", "1.5i", "-", "."]) {
    expect(parsed(`m v=${text}`).points).toEqual([]);
  }
});

test("any bytes are read to their end", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { points, malformed } = parsed(bytes);
      expect(points.length + malformed.length).toBeLessThanOrEqual(bytes.length);
    }),
  );
  const parts = fc.constantFrom("m", ",", "=", " ", "\\", '"', "\n", "1", "i", "t", "\r", "#");
  fc.assert(fc.property(fc.array(parts, { maxLength: 60 }), (text) => void parsed(text.join(""))));
});

test("steps of any size read the same", () => {
  const piece = fc.constantFrom(
    "a b=1",
    "a,t=x c=2,d=t 7",
    "\n",
    "\n\n",
    " ",
    '"',
    "\\",
    'a b="x\ny"',
    "# no",
    ",",
    "=",
  );
  const property = fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), (parts, step) => {
    const text = parts.join("");
    expect(parsed(text, 1_000, step)).toEqual(parsed(text));
  });
  fc.assert(property, { numRuns: 500 });
});

test("lines longer than any sender writes cost only themselves", () => {
  const long = (length: number) => "x".repeat(length);
  const fields = Array.from({ length: 20_000 }, (_, i) => `f${i}=1`).join(",");
  const lines = ["a ok=1", `${long(40_000)} v=1`, `b,${long(40_000)}=x v=2`, `c v="${long(1_100_000)}"`, `d ${fields}`];
  const { points, malformed } = parsed([...lines, `e ${long(70_000)}=1`, `f ${long(1_100_000)}`, "g ok=2"].join("\n"));
  expect(points).toHaveLength(1 + 20_000 + 1);
  expect(malformed).toEqual([
    "2 its measurement and tags are more than 32768 bytes",
    "3 its measurement and tags are more than 32768 bytes",
    "4 its fields are more than 1048576 bytes",
    "6 a field is not key=value",
    "7 its fields are more than 1048576 bytes",
  ]);
});

test("a line of many fields is left and gone on with", () => {
  const fields = Array.from({ length: 1_000 }, (_, i) => `f${i}=${i}`).join(",");
  let count = 0;
  const parser = new LineParser(Buffer.from(`m,t=x ${fields} 7000\nn v=1`), 1_000, {
    point: () => void count++,
    text: () => {},
    malformed: () => {},
  });
  const counts: number[] = [];
  while (!parser.step(500)) counts.push(count);
  expect(count).toBe(1_001);
  expect(Math.max(...counts.map((each, i) => each - (counts[i - 1] ?? 0)))).toBeLessThan(120);
});
