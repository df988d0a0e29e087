import { describe, expect, test } from "bun:test";
import { backoffMs } from "../../src/model/backoff.ts";
import { csvParser, furtherTags, parseJsonLine, parseTimeUs, pointOf } from "../../src/client/parse-point.ts";
import { pointsOf, type BadLine } from "../../src/client/point-file.ts";

const NEW_YEAR_US = Date.UTC(2026, 0, 1) * 1_000;

test("timestamps: ISO 8601, and numbers by their size", () => {
  for (const given of ["2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T02:00:00+02:00", "2025-12-31T19:30:00-0430"]) {
    expect(parseTimeUs(given)).toBe(NEW_YEAR_US);
  }
  // Without a zone it is UTC, wherever this runs.
  for (const given of ["2026-01-01T00:00:00", "2026-01-01 00:00", " 2026-01-01 00:00:00.000000 "]) {
    expect(parseTimeUs(given)).toBe(NEW_YEAR_US);
  }
  for (const factor of [1e-6, 1e-3, 1, 1e3]) expect(parseTimeUs(NEW_YEAR_US * factor)).toBe(NEW_YEAR_US);
  expect(parseTimeUs("1767225600.5")).toBe(NEW_YEAR_US + 500_000);
  expect(parseTimeUs("2026-01-01T00:00:00.123456789Z")).toBe(NEW_YEAR_US + 123_456);
  expect(parseTimeUs("2025-12-31T24:00")).toBe(NEW_YEAR_US);
  expect(parseTimeUs("2024-02-29")).toBe(Date.UTC(2024, 1, 29) * 1_000);
  expect(parseTimeUs("2026-03-31T23:30:00-01:00")).toBe(Date.UTC(2026, 3, 1, 0, 30) * 1_000);
  for (const wrong of [
    "soon",
    "",
    -1,
    NaN,
    null,
    true,
    "01/02/2026",
    {},
    "2026-01-01T25:00",
    "2026-13-01",
    "2026-01-01T00:00:00 X",
    "2026-01-01T",
    "2026-02-29",
    "2026-02-30T00:00:00Z",
    "2026-04-31T12:00:00+02:00",
    "2026-12-31T23:59:60Z",
    1e20,
    1e30,
    Infinity,
    "100000000000000000000",
  ])
    expect(parseTimeUs(wrong)).toBeUndefined();
});

describe("JSON Lines", () => {
  test("a point", () => {
    expect(parseJsonLine('{"metric":"m","value":1,"timestamp":"2026-01-01","tags":{"a":"b","n":3},"id":7}')).toEqual({
      metric: "m",
      value: 1,
      timeUs: NEW_YEAR_US,
      tags: { a: "b", n: "3" },
      id: "7",
    });
  });

  test("everything else, in words", () => {
    const withDevice = (fields: object) => {
      const line = JSON.stringify({ metric: "m", value: 1, source: "gw", ...fields });
      return (parseJsonLine(line) as { tags: Record<string, string> }).tags;
    };
    expect(withDevice({ device: "p1" })).toEqual({ device: "p1" });
    expect(withDevice({ device: "p1", tags: { line: "a" } })).toEqual({ device: "p1", line: "a" });
    expect(withDevice({ device: "p1", tags: { device: "p2" } })).toEqual({ device: "p2" });
    // As `query --json` prints what has no tag: a tag would make another series of it.
    for (const device of ["gw", "", null]) expect(withDevice({ device })).toEqual({});
    expect(parseJsonLine("{")).toBe("is no JSON");
    expect(parseJsonLine("[1]")).toBe("is no JSON object");
    expect(parseJsonLine("null")).toBe("is no JSON object");
    expect(parseJsonLine('{"value":1}')).toBe("metric is undefined; wanted a name");
    expect(parseJsonLine('{"metric":"m","value":"1"}')).toBe('value is "1"; wanted a number');
    expect(parseJsonLine('{"metric":"m","value":1,"tags":[]}')).toBe("tags are no object");
    expect(parseJsonLine('{"metric":"m","value":1,"timestamp":"x"}')).toContain('timestamp is "x"; wanted ISO 8601');
    expect(parseJsonLine('{"metric":"m","value":1,"timestamp":1e30}')).toContain("timestamp is 1e+30; wanted ISO 8601");
    expect(parseJsonLine('{"metric":"m","value":1,"timestamp":1e999}')).toContain("timestamp is Infinity; wanted");
  });

  test("tags without a value are left out", () => {
    expect(parseJsonLine('{"metric":"m","value":1,"tags":{"a":null,"b":"null","c":0,"d":""}}')).toMatchObject({
      tags: { b: "null", c: "0", d: "" },
    });
    expect(furtherTags('{"a":null,"b":"c"}')).toEqual([["b", "c"]]);
  });
});

test("CSV: columns by name, the rest are tags, quotes", () => {
  const parse = csvParser("timestamp,metric,value,site,id") as (line: string) => unknown;
  expect(parse('2026-01-01,m,2.5,"a, ""b""",x')).toEqual({
    metric: "m",
    value: 2.5,
    timeUs: NEW_YEAR_US,
    tags: { site: 'a, "b"' },
    id: "x",
  });
  expect(parse(",m,1,,")).toEqual({ metric: "m", value: 1, tags: {} });
  expect(parse(",m,,,")).toBe('value is ""; wanted a number');
  expect(parse(",m,1")).toBe("has 3 columns; the header has 5");
  expect(parse('"a,m,1,,')).toBe("has a quote that does not end");
  expect(parse("1e30,m,1,,")).toContain('timestamp is "1e30"; wanted ISO 8601');
  expect(parse(`1${"0".repeat(30)},m,1,,`)).toContain("wanted ISO 8601");
  expect(csvParser("a,b")).toContain('the CSV header is "a,b"');
});

test("files: byte order mark, CRLF, empty and overlong lines, gzip, no newline at the end", async () => {
  async function* chunks(bytes: Uint8Array, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const long = "x".repeat(1024 * 1024 + 1);
  const text = `\ufeff{"metric":"a","value":1}\r\n\r\nbad\n${long}\n{"metric":"ü","value":2}`;
  for (const bytes of [new TextEncoder().encode(text), Bun.gzipSync(text)]) {
    const bad: string[] = [];
    const read = pointsOf("f", chunks(bytes, 1_000), {
      onBadLine: ({ line, reason }) => bad.push(`${line} ${reason}`),
    });
    expect((await Array.fromAsync(read)).map(({ metric, value }) => [metric, value])).toEqual([
      ["a", 1],
      ["ü", 2],
    ]);
    expect(bad).toEqual(["3 is no JSON", "4 has more than 1048576 characters"]);
  }
});

test("CSV cells go on over line ends; a quote that never ends costs its own line", async () => {
  const read = async (text: string) => {
    const bad: string[] = [];
    const bytes = (async function* () {
      yield new TextEncoder().encode(text);
    })();
    const points = pointsOf("f", bytes, { onBadLine: ({ line, reason }) => bad.push(`${line} ${reason}`) });
    return { points: (await Array.fromAsync(points)).map(({ value, tags }) => [value, tags!["note"]]), bad };
  };
  expect(await read('metric,value,note\r\nm,1,"a\r\n\nb ""c"""\r\nm,x,\r\nm,2,d\r\n')).toEqual({
    points: [
      [1, 'a\r\n\nb "c"'],
      [2, "d"],
    ],
    bad: ['5 value is "x"; wanted a number'],
  });
  expect(await read('metric,value,note\nm,1,"a\nm,2,b\nm,3,c')).toEqual({
    points: [
      [2, "b"],
      [3, "c"],
    ],
    bad: ["2 has a quote that does not end"],
  });
  const many = "m,2,b\n".repeat(20_000);
  const long = await read(`metric,value,note\nm,1,"a\n${many}`);
  expect([long.points.length, long.bad]).toEqual([20_000, ["2 has a quote that does not end"]]);
  expect((await read('metric,value,"no\nm,1,x\n')).bad).toEqual([
    "1 has a quote that does not end",
    "2 is neither JSON nor a CSV header with metric and value",
  ]);
});

describe("what comes before the readings costs only itself", () => {
  const JSON_LINES = '{"metric":"m","value":1}\n{"metric":"m","value":2}\n';
  const CSV_LINES = "metric,value\nm,1\nm,2\n";
  const NEITHER = "is neither JSON nor a CSV header with metric and value";

  async function read(text: string, fromLine = 0) {
    const bad: string[] = [];
    const bytes = (async function* () {
      yield new TextEncoder().encode(text);
    })();
    const onBadLine = ({ line, reason }: BadLine) => bad.push(`${line} ${reason}`);
    const points = await Array.fromAsync(pointsOf("f", bytes, { onBadLine, fromLine }));
    return { values: points.map(({ line, value }) => [line, value]), bad };
  }

  for (const [first, reason] of [
    ['"value":3}', NEITHER],
    ["# comment", NEITHER],
    ["[", NEITHER],
    ['"open', NEITHER],
    ["a;b", 'the CSV header is "a;b"; wanted columns metric, value, timestamp and tags'],
  ]) {
    for (const lines of [JSON_LINES, CSV_LINES]) {
      test(`${first} before ${lines.split("\n")[0]}`, async () => {
        const { values, bad } = await read(`\n${first}\n${lines}`);
        expect(values.map(([, value]) => value)).toEqual([1, 2]);
        expect(bad).toEqual([`2 ${reason}`]);
      });
    }
  }

  test("a banner of some lines, told once though reading begins again behind it", async () => {
    const text = `Boot 1.2, ok\nhello, world\n${CSV_LINES}`;
    expect((await read(text)).bad).toEqual([
      '1 the CSV header is "Boot 1.2, ok"; wanted columns metric, value, timestamp and tags',
      `2 ${NEITHER}`,
    ]);
    expect(await read(text, 5)).toEqual({ values: [[5, 2]], bad: [] });
  });

  test("what is neither for a thousand lines is not read on", async () => {
    const before = (lines: number) => `${"text\n".repeat(lines)}${JSON_LINES}`;
    expect((await read(before(999))).values.length).toBe(2);
    await expect(read(before(1_000))).rejects.toThrow(
      'f cannot be read: its first 1000 lines are neither JSON nor a CSV header; wanted {"metric": …, "value": …} a line, or',
    );
  });
});

test("waits double up to a bound, with half of it by chance", () => {
  expect([1, 2, 3, 4, 50].map((attempt) => backoffMs(attempt, 1))).toEqual([200, 400, 800, 1_600, 10_000]);
  expect([backoffMs(1, 0), backoffMs(50, 0), backoffMs(50, 0.5)]).toEqual([100, 5_000, 7_500]);
});

test("whole numbers of Parquet that JSON cannot write are text where text is wanted, and named where not", () => {
  expect(pointOf({ metric: "a", value: 7, source: 9n, tags: { x: 3n } })).toMatchObject({
    source: "9",
    tags: { x: "3" },
  });
  expect(pointOf({ metric: 5n, value: 1 })).toBe("metric is 5; wanted a name");
  expect(pointOf({ metric: "a", value: 7n })).toBe("value is 7; wanted a number");
});
