/** First times of series: over blocks, files and the head, against a model, and without reading what cannot matter. */
import { expect, test } from "bun:test";
import { BlockReader } from "../../src/store/block-reader.ts";
import { Catalog } from "../../src/store/catalog.ts";
import { firstTimesOf } from "../../src/store/extents.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { tempDir } from "../support/server-process.ts";
import { DECEMBER_US, NOVEMBER_US, openStore, randomOf, recordOf, SHORTEST_SLICE, type Point } from "./harness.ts";

test("are the earliest points there are, wherever these lie", () => {
  using folder = tempDir("extents");
  using open = openStore({ dir: folder.path });
  const random = randomOf(7);
  const firsts = new Map<number, number>();
  const asked = Uint32Array.from({ length: 40 }, (_, i) => 1 + i * 2);
  for (let seq = 1; seq <= 30; seq++) {
    const points = Array.from({ length: 50 }, (): Point => {
      const id = 1 + Math.floor(random() * 60);
      return [id, NOVEMBER_US + Math.floor(random() * (DECEMBER_US - NOVEMBER_US) * 2), seq];
    });
    for (const [id, timeUs] of points) firsts.set(id, Math.min(firsts.get(id) ?? Infinity, timeUs));
    open.store.absorb(recordOf(seq, points));
    if (seq % 4 === 0) open.seal();
    if (seq % 12 === 0) open.compact();
    const found = runToEnd(open.store.reading.extents(asked, SHORTEST_SLICE));
    expect([...found]).toEqual([...asked].map((id) => firsts.get(id) ?? NaN));
  }
  expect([...runToEnd(open.store.reading.extents(new Uint32Array(0), ENDLESS_SLICE))]).toEqual([]);
});

test("are found without reading blocks that begin later", () => {
  using folder = tempDir("extents");
  {
    using open = openStore({ dir: folder.path });
    for (let seq = 1; seq <= 3; seq++) {
      const points = [1, 2, 3].map((id): Point => [id, NOVEMBER_US + seq * 1_000 + id, seq]);
      open.store.absorb(recordOf(seq, points));
      open.seal();
    }
  }
  const catalog = new Catalog(folder.path, "points", 2 ** 30, () => {});
  const reader = new BlockReader(2 ** 20, 2 ** 20, () => {});
  const blocks = [...catalog.all()];
  const found = runToEnd(firstTimesOf(Uint32Array.of(1, 3), { blocks, head: [], reader }, ENDLESS_SLICE));
  expect(blocks.length).toBeGreaterThan(2);
  expect([...found]).toEqual([NOVEMBER_US + 1_001, NOVEMBER_US + 1_003]);
  const one = new BlockReader(2 ** 20, 2 ** 20, () => {});
  one.index(blocks[0]);
  expect(reader.readBytes).toBe(one.readBytes);
  catalog.close();
});
