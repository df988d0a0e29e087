/** Files of imports: whatever cuts off their removal, nothing of them is left, and nothing of them is in another one. */
import { expect, test } from "bun:test";
import { ImportedFiles } from "../../../src/collaboration/replay/imported-files.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const PART_BYTES = 256 * 1024;
const COLLECTIONS = ["session-imports", "session-import-files", "session-imports-unfinished"];

function fileOf(parts: number, byte: number): Buffer {
  return Buffer.alloc(parts * PART_BYTES - 7, byte);
}

async function contentOf(files: ImportedFiles, sessionId: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(files.read(sessionId)));
}

/** Fails from the `count`-th append on, as a full disk would. */
async function cutOffAfter(journal: MemoryJournal, count: number, run: () => Promise<void>): Promise<void> {
  const append = journal.append.bind(journal);
  let appends = 0;
  journal.append = async (events, changes) => {
    if (++appends > count) throw new Error("cut off");
    return append(events, changes);
  };
  await run().catch(() => {});
  journal.append = append;
}

test("a removal that is cut off anywhere is gone on with, and the next file is as it came", async () => {
  for (const isSealed of [false, true]) {
    for (let count = 0; count <= 6; count++) {
      const journal = new MemoryJournal();
      await new ImportedFiles(journal).write("s", fileOf(5, 1), 1);
      if (isSealed) await journal.append([], [new ImportedFiles(journal).seal("s")]);
      await cutOffAfter(journal, count, () => new ImportedFiles(journal).remove("s"));
      const files = new ImportedFiles(journal);
      if (isSealed) await files.remove("s");
      else await files.removeUnfinished();
      expect(COLLECTIONS.map((collection) => journal.count(collection))).toEqual([0, 0, 0]);
      await files.write("s", fileOf(2, 2), 2);
      expect((await contentOf(files, "s")).equals(fileOf(2, 2))).toBe(true);
    }
  }
});

test("a file takes the place of what is left of another one", async () => {
  const journal = new MemoryJournal();
  const files = new ImportedFiles(journal);
  await cutOffAfter(journal, 4, () => files.write("s", fileOf(5, 1), 1));
  await files.write("s", fileOf(2, 2), 2);
  expect((await contentOf(files, "s")).equals(fileOf(2, 2))).toBe(true);
  expect(journal.count("session-imports")).toBe(2);
});

test("of a file that is damaged comes what stands before that", async () => {
  const journal = new MemoryJournal();
  const files = new ImportedFiles(journal);
  await files.write("s", fileOf(3, 1), 1);
  await journal.append([], [{ collection: "session-imports", key: "s/1", sort: 1, value: null }]);
  expect(await contentOf(files, "s")).toHaveLength(PART_BYTES);
  await files.remove("s");
  expect(COLLECTIONS.map((collection) => journal.count(collection))).toEqual([0, 0, 0]);
});
