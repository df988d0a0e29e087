/** Reading segments back: unfinished ends, damage anywhere, other versions. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { segmentHeader } from "../../src/log/segment.ts";
import { tempDir } from "../support/server-process.ts";
import { readSegment, recordOf, sealed } from "./harness.ts";

const RECORDS = [recordOf(5, [1, 2, 3]), recordOf(6, [4], [{ id: 1, key: "m\0s" }]), recordOf(7, [5, 6])].map(sealed);
const WHOLE = Buffer.concat([segmentHeader(5), ...RECORDS]);
const EXPECTED = [
  { seq: 5, values: [1, 2, 3] },
  { seq: 6, values: [4] },
  { seq: 7, values: [5, 6] },
];

function written(dir: string, bytes: Uint8Array): string {
  const path = join(dir, "log-0000000000000005.wal");
  writeFileSync(path, bytes);
  return path;
}

describe("a segment", () => {
  test("gives back what was written", () => {
    using dir = tempDir("replay");
    expect(readSegment(written(dir.path, WHOLE))).toEqual({ records: EXPECTED, damage: [] });
  });

  test("cut at any byte of its last record ends before it, without a word: a crash leaves that", () => {
    using dir = tempDir("replay");
    const lastAt = WHOLE.length - RECORDS[2].length;
    for (let end = lastAt + 1; end < WHOLE.length; end++) {
      expect(readSegment(written(dir.path, WHOLE.subarray(0, end)))).toEqual({
        records: EXPECTED.slice(0, 2),
        damage: [],
      });
    }
  });

  test("with zeros behind it, as a file system may leave them, ends before them", () => {
    using dir = tempDir("replay");
    const grown = Buffer.concat([WHOLE, new Uint8Array(4096)]);
    expect(readSegment(written(dir.path, grown))).toEqual({ records: EXPECTED, damage: [] });
  });

  test("with any one bit flipped never serves that record: it is named, and the others are served", () => {
    using dir = tempDir("replay");
    const starts = [16, 16 + RECORDS[0].length, 16 + RECORDS[0].length + RECORDS[1].length];
    for (let bit = 16 * 8; bit < WHOLE.length * 8; bit += 3) {
      const bytes = Buffer.from(WHOLE);
      const at = bit >> 3;
      bytes[at] ^= 1 << (bit & 7);
      const { records, damage } = readSegment(written(dir.path, bytes));
      const hit = starts.findLastIndex((start) => at >= start);
      expect(records).toEqual(EXPECTED.filter((_, i) => i !== hit));
      expect(damage.length).toBe(1);
      expect(damage[0]).toStartWith(`log-0000000000000005.wal, bytes ${starts[hit]} to`);
    }
  });

  test("with a damaged header is named and still read", () => {
    using dir = tempDir("replay");
    const bytes = Buffer.from(WHOLE);
    bytes[0] ^= 1;
    const { records, damage } = readSegment(written(dir.path, bytes));
    expect(records).toEqual(EXPECTED);
    expect(damage).toEqual(["log-0000000000000005.wal: the header of the segment is damaged"]);
  });

  test("of a later version is not touched", () => {
    using dir = tempDir("replay");
    const bytes = Buffer.from(WHOLE);
    bytes[4] = 9;
    expect(() => readSegment(written(dir.path, bytes))).toThrow("has format 9, this Watchpost knows up to 1");
  });

  test("larger than the reader's window", () => {
    using dir = tempDir("replay");
    const many = Array.from({ length: 40 }, (_, i) => sealed(recordOf(10 + i, new Array(7_000).fill(i))));
    const { records, damage } = readSegment(written(dir.path, Buffer.concat([segmentHeader(10), ...many])));
    expect(damage).toEqual([]);
    expect(records.map(({ seq, values }) => [seq, values.length, values[6_999]])).toEqual(
      Array.from({ length: 40 }, (_, i) => [10 + i, 7_000, i]),
    );
  });

  test("with a record repeated or out of order names it", () => {
    using dir = tempDir("replay");
    const { records, damage } = readSegment(written(dir.path, Buffer.concat([WHOLE, RECORDS[0]])));
    expect(records).toEqual(EXPECTED);
    expect(damage[0]).toContain("sequence 5 does not follow");
  });
});
