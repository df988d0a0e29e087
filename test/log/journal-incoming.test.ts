/** The journal of another node on its way into `state.db`: what is there until all of it has come, and what is told of it then. */
import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { DocumentChange, JournalEntry, StoredDocument } from "../../src/model/journal.ts";
import { tempDir } from "../support/server-process.ts";
import { openLog } from "./harness.ts";
import { changeOf, eventOf, upTo } from "./journal-rig.ts";

const entryOf = (position: number, n = position): JournalEntry => ({ position, ...eventOf(n) });
const documentOf = (key: string, n: number) => changeOf(key, n) as StoredDocument;

test("takes transactions at their positions, and goes on there after a crash", async () => {
  using dir = tempDir("incoming");
  const [data, crashed] = [join(dir.path, "data"), join(dir.path, "crashed")];
  const { log } = await openLog(data);
  await log.applyJournal([entryOf(5), entryOf(6)], [changeOf("a", 1)], { epoch: 9, position: 6, link: 66 });
  await log.applyJournal([], [changeOf("a", 2)], { epoch: 9, position: 7, link: 77 });
  cpSync(data, crashed, { recursive: true });
  await log.close();
  const { log: again, opened } = await openLog(crashed);
  expect(opened.unclean).toBe(true);
  expect(opened.journal).toMatchObject({ epoch: 9, nextPosition: 8, link: 77, lastPosition: 6 });
  await again.applyJournal([entryOf(8)], [], { epoch: 9, position: 8, link: 88 });
  expect((await again.readJournal({ after: 0, limit: 9 })).entries).toEqual([entryOf(5), entryOf(6), entryOf(8)]);
  await again.close();
});

test("replaces what is there in one step, and says what has changed and what was there alone", async () => {
  using dir = tempDir("incoming");
  let { log } = await openLog(dir.path);
  const mine = upTo(6, 1).map((position) => entryOf(position));
  await log.applyJournal(
    mine,
    ["same", "other", "gone"].map((key) => changeOf(key, 1)),
    { epoch: 9, position: 6, link: 6 },
  );
  const theirs = [entryOf(3), entryOf(4), entryOf(5, 50), entryOf(9), entryOf(10)];
  const documents = [documentOf("same", 1), documentOf("other", 2), ...upTo(700).map((n) => documentOf(`new-${n}`, n))];

  await log.beginIncoming();
  await log.putIncoming([], documents);
  await log.close();
  // What had not come whole is not there.
  ({ log } = await openLog(dir.path));
  expect((await log.readJournal({ after: 0, limit: 99 })).entries).toEqual(mine);
  expect((await log.readDocument("alerts", "gone")).documents.length).toBe(1);

  await log.beginIncoming();
  await log.putIncoming(theirs.slice(0, 2), documents);
  await log.putIncoming(theirs.slice(2), []);
  const state = { epoch: 9, position: 12, link: 12, afterPosition: 2, firstPosition: 1 };
  expect(await log.takeIncoming(state)).toBe(2);
  expect((await log.readJournal({ after: 0, limit: 99 })).entries).toEqual([...mine.slice(0, 2), ...theirs]);
  const changes: DocumentChange[] = [];
  for (let page = await log.incomingChanges(null); ; page = await log.incomingChanges(page.next)) {
    changes.push(...page.changes);
    if (page.next === null) break;
  }
  const changed = [
    { ...changeOf("gone", null), sort: 0 },
    changeOf("other", 2),
    ...upTo(700).map((n) => changeOf(`new-${n}`, n)),
  ];
  expect(changes).toEqual(changed.toSorted((one, other) => (one.key < other.key ? -1 : 1)));
  expect((await log.readDocument("alerts", "same")).documents).toEqual([documentOf("same", 1)]);
  await log.close();

  let opened;
  ({ log, opened } = await openLog(dir.path));
  expect(opened.journal).toMatchObject({ epoch: 9, firstPosition: 1, nextPosition: 13, link: 12 });
  expect(await log.strays()).toEqual([entryOf(5), entryOf(6)]);
  await log.forgetStrays();
  expect(await log.strays()).toEqual([]);
  await log.close();
});

test("promises no entries that the other node has not kept", async () => {
  using dir = tempDir("incoming");
  const { log, opened } = await openLog(dir.path);
  expect(opened.journal.link).toBeUndefined();
  await log.beginIncoming();
  await log.putIncoming([entryOf(41)], []);
  await log.takeIncoming({ epoch: 9, position: 41, link: 1, afterPosition: 0, firstPosition: 40 });
  const { firstPosition, nextPosition } = await log.beginSnapshot(40);
  expect([firstPosition, nextPosition]).toEqual([40, 42]);
  await log.readSnapshot();
  expect((await log.readSnapshot()).entries).toEqual([entryOf(41)]);
  await log.close();
});
