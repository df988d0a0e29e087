/** JSON Lines and CSV: what is written is read back to the bit, whatever names and values there are. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { cellOf, splitCells } from "../../src/model/csv.ts";
import { pointsOf, type BadLine, type LinePoint } from "../../src/client/point-file.ts";
import { csvRows, csvTagColumns, decimalOf, isoOfUs, jsonLines, type RowFormat } from "../../src/client/point-text.ts";
import { exactly, exactRows, inChunks, seriesRows } from "./nasty-rows.ts";

async function read(text: string, chunk = 64, fromLine = 0): Promise<{ points: LinePoint[]; bad: BadLine[] }> {
  const bad: BadLine[] = [];
  const options = { fromLine, onBadLine: (one: BadLine) => bad.push(one) };
  const points = await Array.fromAsync(pointsOf("f", inChunks(Buffer.from(text), chunk), options));
  return { points, bad };
}

const formats: [string, (keys: string[]) => RowFormat][] = [
  ["JSON Lines", () => jsonLines],
  ["CSV", (keys) => csvRows(csvTagColumns(keys))],
  ["CSV without a column for any tag", () => csvRows([])],
];
for (const [name, formatOf] of formats) {
  test(`${name} are read back exactly`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(seriesRows, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 200 }),
        async (all, chunk) => {
          const format = formatOf(all.flatMap(({ tags }) => Object.keys(tags)));
          const text = format.head + all.map((rows) => format.text(rows, 0, rows.values.length)).join("");
          const { points, bad } = await read(text, chunk);
          expect(bad).toEqual([]);
          expect(points.map(exactly)).toEqual(exactRows(all));
        },
      ),
      { numRuns: 300 },
    );
  });

  test(`${name}: reading may begin at any line that a point stands on`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(seriesRows, { minLength: 1, maxLength: 3 }), fc.nat(), async (all, pick) => {
        const format = formatOf(all.flatMap(({ tags }) => Object.keys(tags)));
        const text = format.head + all.map((rows) => format.text(rows, 0, rows.values.length)).join("");
        const { points } = await read(text);
        const at = pick % points.length;
        const rest = await read(text, 64, points[at].line);
        expect(rest.points.map(exactly)).toEqual(points.slice(at).map(exactly));
      }),
      { numRuns: 100 },
    );
  });
}

test("a cell is one cell again", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 8 }), (cells) => {
      expect(splitCells(cells.map(cellOf).join(","))).toEqual(cells);
    }),
  );
});

test("numbers and times are written as what they are", () => {
  expect([-0, 0, 5e-324, 1e308, 0.1].map(decimalOf)).toEqual(["-0", "0", "5e-324", "1e+308", "0.1"]);
  expect([0, 1, 1_000, 1_767_225_600_123_456].map(isoOfUs)).toEqual([
    "1970-01-01T00:00:00.000Z",
    "1970-01-01T00:00:00.000001Z",
    "1970-01-01T00:00:00.001Z",
    "2026-01-01T00:00:00.123456Z",
  ]);
});

test("the columns of CSV: plain tags have one, names that mean something else and empty tags stand in tags", () => {
  const tags = { site: "north", value: "v", tags: "t", "a b": "s", empty: "" };
  const format = csvRows(csvTagColumns(Object.keys(tags)));
  const text = format.head + format.text({ metric: "m", source: "s,1", tags, timesUs: [0], values: [-0] }, 0, 1);
  expect(text).toBe(
    'metric,source,timestamp,value,empty,site,tags\nm,"s,1",1970-01-01T00:00:00.000Z,-0,,north,' +
      '"{""value"":""v"",""tags"":""t"",""a b"":""s"",""empty"":""""}"\n',
  );
});

test("plain files mean what they meant: a column tags of plain text is a tag, an empty cell is none", async () => {
  const { points } = await read("metric,value,tags,site\nm,1,blue,\nm,2,,x\n");
  expect(points).toEqual([
    { metric: "m", value: 1, tags: { tags: "blue" }, line: 2 },
    { metric: "m", value: 2, tags: { site: "x" }, line: 3 },
  ]);
});

test("a quote that is never closed costs its own line, and a record over several lines is told by its first", async () => {
  const filler = Array.from({ length: 3_000 }, (_, i) => `m,${i},a long enough tag to pass the bound of a record\n`);
  const { points, bad } = await read(`metric,value,site\nm,1,"open\n${filler.join("")}`, 4_096);
  expect(bad).toEqual([{ file: "f", line: 2, reason: "has a quote that does not end" }]);
  expect(points.length).toBe(3_000);
  const several = await read('metric,value,site\nm,x,"two\nlines"\nm,1,"two\r\nlines"\nm,2,"open\n');
  expect(several.bad).toEqual([
    { file: "f", line: 2, reason: 'value is "x"; wanted a number' },
    { file: "f", line: 6, reason: "has a quote that does not end" },
  ]);
  expect(several.points).toEqual([{ metric: "m", value: 1, tags: { site: "two\r\nlines" }, line: 4 }]);
});
