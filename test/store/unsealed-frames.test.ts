/** What a store takes from the log when it is opened: what its period files do not have. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DECEMBER_US, NOVEMBER_US, openStore, plain, recordOf, writeSegment, type Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const SECOND_US = 1e6;
const seriesIds = Uint32Array.of(1, 2);

/** Record `seq`: a point of each series in November, and one of the first in December. */
function pointsOf(seq: number): Point[] {
  const at = seq * SECOND_US;
  return [
    [1, NOVEMBER_US + at, seq],
    [1, DECEMBER_US + at, seq],
    [2, NOVEMBER_US + at, seq],
  ];
}

function absorb(open: ReturnType<typeof openStore>, from: number, to: number): void {
  for (let seq = from; seq < to; seq++) open.store.absorb(recordOf(seq, pointsOf(seq)));
}

/** The log of a server that let go of none of it. */
function segmentOf(dir: string, to: number): string[] {
  const records = Array.from({ length: to - 1 }, (_, i) => recordOf(i + 1, pointsOf(i + 1)));
  return [writeSegment(join(dir, "log-0000000000000001.wal"), records)];
}

describe("opened after a crash", () => {
  test("a store takes nothing twice, and lets go of a log that holds nothing else", () => {
    using folder = tempDir("unsealed");
    {
      using open = openStore({ dir: folder.path });
      absorb(open, 1, 5);
    }
    const segments = segmentOf(folder.path, 5);
    using open = openStore({ dir: folder.path, segments });
    expect(open.opened).toMatchObject({ replayedPoints: 0, nextSeq: 5 });
    expect(open.store.stats()).toMatchObject({ headPoints: 0, chunkPoints: 12, absorbedSeq: 4 });
    open.settle();
    expect(open.sealed).toEqual([4]);
    expect(open.store.stats().chunkPoints).toBe(12);
  });

  test("what came after the last seal is taken, in the order it came", () => {
    using folder = tempDir("unsealed");
    {
      using open = openStore({ dir: folder.path });
      absorb(open, 1, 5);
    }
    using open = openStore({ dir: folder.path, segments: segmentOf(folder.path, 7) });
    expect(open.store.stats()).toMatchObject({ headPoints: 6, chunkPoints: 12, absorbedSeq: 6 });
    expect(plain(open.range({ seriesIds: Uint32Array.of(1), toUs: DECEMBER_US }))[0]).toEqual(
      [1, 2, 3, 4, 5, 6].map((seq) => [NOVEMBER_US + seq * SECOND_US, seq]),
    );
    open.seal();
    expect(open.store.stats()).toMatchObject({ headPoints: 0, chunkPoints: 18 });
    expect(open.sealed).toEqual([6]);
  });

  test("of a month with something that cannot be read, what the log has is taken again", () => {
    using folder = tempDir("unsealed");
    {
      using open = openStore({ dir: folder.path });
      absorb(open, 1, 3);
      open.seal();
      absorb(open, 3, 5);
    }
    const file = new Database(join(folder.path, "points-2026-11.db"), { readwrite: true });
    file.run("UPDATE block SET points = points + 1 WHERE id = 1");
    file.close();
    using open = openStore({ dir: folder.path, segments: segmentOf(folder.path, 5) });
    expect(open.opened.damage).toEqual([expect.stringContaining("points-2026-11.db, block 1")]);
    expect(open.opened.replayedPoints).toBe(8);
    const found = plain(open.range({ seriesIds }));
    expect(found.map((rows) => rows.length)).toEqual([8, 4]);
  });
});
