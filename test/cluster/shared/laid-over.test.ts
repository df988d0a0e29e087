import { expect, test } from "bun:test";
import { LaidOver } from "../../../src/cluster/shared/laid-over.ts";
import type { DocumentChange, DocumentQuery, StoredDocument } from "../../../src/model/journal.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { randomOf } from "../../support/random.ts";

const COLLECTION = "c";
const KEYS = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? `ü${i}` : `k${i}`));

async function allOf(read: (query: DocumentQuery) => Promise<readonly StoredDocument[]>, query: DocumentQuery) {
  const found: StoredDocument[] = [];
  for (let next = query; ;) {
    const page = await read(next);
    found.push(...page);
    if (page.length < query.limit) return found;
    next = { ...query, after: page[page.length - 1] };
  }
}

test("documents that lie over others are read as if they were written, and those below again once they are", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomOf(seed);
    const any = (count: number) => Math.floor(random() * count);
    const changes = (count: number): DocumentChange[] => {
      const some = Array.from({ length: count }, () => ({
        ...{ collection: COLLECTION, key: KEYS[any(KEYS.length)], sort: any(4) },
        value: random() < 0.3 ? null : String(any(1_000)),
      }));
      return [...new Map(some.map((change) => [change.key, change])).values()];
    };
    const below = new MemoryJournal();
    await below.append([], changes(20));
    const written = below.copy();
    const over = new LaidOver();
    const pieces = Array.from({ length: 1 + any(4) }, (_, i) => ({ number: i + 1, changes: changes(1 + any(6)) }));
    for (const piece of pieces) {
      over.put(piece.changes, piece.number);
      await written.append([], piece.changes);
    }
    const isSame = async () => {
      for (const descending of [false, true]) {
        const query = { collection: COLLECTION, limit: 1 + any(8), descending };
        expect(await allOf((next) => over.documents(next, below), query)).toEqual(
          await allOf((next) => written.documents(next), query),
        );
      }
      for (const key of KEYS)
        expect(await over.document(COLLECTION, key, below)).toEqual(await written.document(COLLECTION, key));
    };
    await isSame();
    for (const piece of pieces) {
      await below.append([], piece.changes);
      over.forget(piece.changes, piece.number);
      await isSame();
    }
  }
});
