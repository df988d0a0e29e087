/** Merging ends, whichever series blocks have. */
import { expect, test } from "bun:test";
import { tempDir } from "../support/server-process.ts";
import { NOVEMBER_US, openStore, recordOf, type Point } from "./harness.ts";

test("blocks that span each other without sharing a series are merged in the end", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  const records = [
    [1, 23],
    [3, 21],
  ];
  for (const [i, ids] of records.entries()) {
    const points = ids.map((id): Point => [id, NOVEMBER_US + i * 1e6, i]);
    open.store.absorb(recordOf(i + 1, points));
    open.seal();
  }
  open.compact();
  const { chunks, chunkPoints } = open.store.stats();
  expect({ chunks, chunkPoints }).toEqual({ chunks: 4, chunkPoints: 4 });
});
