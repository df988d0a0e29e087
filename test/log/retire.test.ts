/** Deleted series in the log: what it still says of them does not bring them back, and their ids are not given again. */
import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { LogOpened } from "../../src/log/log-client.ts";
import { tempDir } from "../support/server-process.ts";
import { openLog, recordOf } from "./harness.ts";

const defined = (id: number) => ({ id, key: `m${id}\0s` });
const shown = ({ series, retired }: LogOpened) => [series.map(({ id }) => id), [...retired]];

test("stay deleted, whether they are in the state, in the log alone, or defined after the deletion", async () => {
  using dir = tempDir("retire");
  const data = join(dir.path, "data");
  const { log } = await openLog(data);
  await log.append(recordOf(0, [1], [1, 2, 3].map(defined)));
  await log.close();
  const second = await openLog(data);
  await second.log.append(recordOf(1, [1], [4, 5].map(defined)));
  await second.log.retire(Uint32Array.of(2, 5));
  await second.log.retire(Uint32Array.of(6));
  await second.log.append(recordOf(2, [1], [6, 7].map(defined)));

  // As a crash leaves it: the log holds all definitions, the state those of the first run.
  const crashed = join(dir.path, "crashed");
  cpSync(data, crashed, { recursive: true });
  await second.log.close();

  for (const folder of [data, crashed]) {
    for (let opening = 0; opening < 3; opening++) {
      const { log: again, opened } = await openLog(folder);
      expect([folder, opening, ...shown(opened)]).toEqual([folder, opening, [1, 3, 4, 7], [2, 5, 6]]);
      expect(opened.segments.length).toBeGreaterThan(0);
      await again.close();
    }
    const { log: last } = await openLog(folder);
    await last.retire(Uint32Array.of(7));
    last.release(2);
    await last.close();
    const { log: after, opened } = await openLog(folder);
    expect([...shown(opened), opened.segments]).toEqual([[1, 3, 4], [2, 5, 6, 7], []]);
    await after.close();
  }
});
