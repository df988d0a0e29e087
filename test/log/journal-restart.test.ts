/** Which positions are given and which cursors are good: after trimming, restarts and crashes. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { STATE_VERSION } from "../../src/log/state-db.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { tempDir } from "../support/server-process.ts";
import { changeOf, eventOf, numbersOf, openJournal, upTo, type OpenJournal } from "./journal-rig.ts";

/** What a cursor means to a journal, or how it is refused. */
function meaning({ journal }: OpenJournal, cursor: string): unknown {
  try {
    return journal.positionOf(cursor);
  } catch (error) {
    return error instanceof WatchpostError ? error.status : error;
  }
}

test("a cursor is good from the first readable entry to the last, for its epoch alone", async () => {
  using dir = tempDir("journal");
  await using open = await openJournal(join(dir.path, "data"));
  await using other = await openJournal(join(dir.path, "other"));
  const { journal } = open;
  const meanings = () => upTo(7).map((position) => meaning(open, journal.cursorOf(position)));
  expect(meanings()).toEqual([0, ...new Array(6).fill("OUT_OF_RANGE")]);
  for (const n of upTo(5)) await journal.append([eventOf(n)]);
  expect(meanings()).toEqual([0, 1, 2, 3, 4, 5, "OUT_OF_RANGE"]);
  await journal.trim(3);
  expect(meanings()).toEqual([...new Array(3).fill("OUT_OF_RANGE"), 3, 4, 5, "OUT_OF_RANGE"]);
  expect(numbersOf(await journal.read({ after: 0, limit: 9 }))).toEqual([3, 4]);
  expect(meaning(other, journal.cursorOf(0))).toBe("OUT_OF_RANGE");
  expect(meaning(open, "no cursor")).toBe("INVALID_ARGUMENT");
  expect(() => journal.positionOf(journal.cursorOf(1), "after")).toThrow(
    "after cannot be gone on from: what follows it is no longer kept; subscribe again without it",
  );
});

test("positions are not given again, also where all entries were trimmed; documents stay", async () => {
  using dir = tempDir("journal");
  {
    await using open = await openJournal(dir.path);
    await open.journal.append(
      upTo(2_500).map((n) => eventOf(n)),
      [changeOf("a", 1)],
    );
    await open.journal.trim(9_999);
    expect([open.journal.firstPosition, open.journal.lastPosition]).toEqual([2_501, 2_500]);
    expect(await open.journal.read({ after: 0, limit: 1 })).toEqual([]);
    await open.journal.trim(100);
    expect(open.journal.firstPosition).toBe(2_501);
  }
  await using open = await openJournal(dir.path);
  expect(open.opened.journal).toMatchObject({ firstPosition: 2_501, lastPosition: 2_500, nextPosition: 2_501 });
  expect(meaning(open, open.journal.cursorOf(2_500))).toBe(2_500);
  expect(await open.journal.append([eventOf(0)])).toMatchObject([{ position: 2_501 }]);
  expect(await open.journal.document("alerts", "a")).toBeDefined();
});

test("trimming that a crash cut short is finished by the next", async () => {
  using dir = tempDir("journal");
  const data = join(dir.path, "data");
  await using open = await openJournal(data);
  await open.journal.append(upTo(2_500).map((n) => eventOf(n)));
  expect(await open.log.trimJournal(2_400)).toBe(false);
  const crashed = join(dir.path, "crashed");
  cpSync(data, crashed, { recursive: true });
  await using again = await openJournal(crashed);
  expect(again.journal.firstPosition).toBe(2_401);
  await again.journal.trim(2_401);
  expect(numbersOf(await again.journal.read({ after: 0, limit: 999 }))).toEqual(upTo(99, 2_401));
});

test("what a crash took although it was synced is not given again; who has seen it begins anew", async () => {
  using dir = tempDir("journal");
  const early = join(dir.path, "early");
  const late = join(dir.path, "late");
  let [seen, kept] = ["", ""];
  {
    await using open = await openJournal(join(dir.path, "data"));
    await open.journal.append([eventOf(0)]);
    kept = open.journal.cursorOf(1);
    // As a disk leaves it that has told of syncs it did not do.
    cpSync(join(dir.path, "data"), early, { recursive: true });
    await open.journal.append([eventOf(1)]);
    seen = open.journal.cursorOf(2);
    cpSync(join(dir.path, "data"), late, { recursive: true });
  }
  let given = 0;
  {
    await using open = await openJournal(early);
    expect(open.opened.unclean).toBe(true);
    expect([meaning(open, kept), meaning(open, seen)]).toEqual([1, "OUT_OF_RANGE"]);
    const [{ position }] = await open.journal.append([eventOf(2)]);
    expect(position).toBeGreaterThan(2);
    expect([meaning(open, kept), meaning(open, seen)]).toEqual([1, "OUT_OF_RANGE"]);
    expect(numbersOf(await open.journal.read({ after: 1, limit: 9 }))).toEqual([2]);
    given = position;
  }
  {
    await using open = await openJournal(early);
    expect(open.opened.unclean).toBe(false);
    expect(await open.journal.append([eventOf(3)])).toMatchObject([{ position: given + 1 }]);
  }
  await using open = await openJournal(late);
  expect([meaning(open, kept), meaning(open, seen)]).toEqual([1, 2]);
  expect(numbersOf(await open.journal.read({ after: 0, limit: 9 }))).toEqual([0, 1]);
});

test("left out positions stay so where nothing was appended before the next end", async () => {
  using dir = tempDir("journal");
  const crashed = join(dir.path, "crashed");
  {
    await using open = await openJournal(join(dir.path, "data"));
    await open.journal.append([eventOf(0)]);
    cpSync(join(dir.path, "data"), crashed, { recursive: true });
  }
  const next: number[] = [];
  for (const _ of upTo(2)) {
    await using open = await openJournal(crashed);
    next.push(open.opened.journal.nextPosition);
  }
  expect(next[0]).toBeGreaterThan(2);
  expect(next[1]).toBe(next[0]);
});

test("a format 3 directory gets a journal, and what it has stays", async () => {
  using dir = tempDir("journal");
  await (await openJournal(dir.path))[Symbol.asyncDispose]();
  {
    using database = new Database(join(dir.path, "state.db"), { readwrite: true });
    for (const table of ["journal", "document"]) database.run(`DROP TABLE ${table}`);
    database.run("DELETE FROM meta WHERE key LIKE 'journal%'");
    database.run("INSERT OR REPLACE INTO meta VALUES ('next_seq', 17)");
    database.run("PRAGMA user_version = 3");
  }
  {
    await using open = await openJournal(dir.path);
    expect(open.opened).toMatchObject({ nextSeq: 17, journal: { firstPosition: 1, lastPosition: 0 } });
    await open.journal.append([eventOf(0)], [changeOf("a", 0)]);
  }
  using database = new Database(join(dir.path, "state.db"), { readonly: true });
  expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: STATE_VERSION });
});

test("small state of the journal that is damaged begins another epoch, and loses no entry", async () => {
  using dir = tempDir("journal");
  let cursor = "";
  {
    await using open = await openJournal(dir.path);
    await open.journal.append([eventOf(0)]);
    cursor = open.journal.cursorOf(1);
  }
  {
    using database = new Database(join(dir.path, "state.db"), { readwrite: true });
    database.run(
      "INSERT OR REPLACE INTO meta VALUES ('journal_epoch', 'x'), ('journal_first', -1), ('journal_next', 0.5)",
    );
  }
  await using open = await openJournal(dir.path);
  expect(meaning(open, cursor)).toBe("OUT_OF_RANGE");
  expect(await open.journal.append([eventOf(1)])).toMatchObject([{ position: 2 }]);
  expect(numbersOf(await open.journal.read({ after: 0, limit: 9 }))).toEqual([0, 1]);
});
