/** Journal and documents in a backup: what they were at its beginning, whatever changes meanwhile; a new epoch after. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { WatchpostError } from "../../src/model/errors.ts";
import { DAMAGED, type DocumentChange } from "../../src/model/journal.ts";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { backUp, restored, verify } from "./journal-archive.ts";
import { changeOf, eventOf, numbersOf, openJournal, upTo, type OpenJournal } from "./journal-rig.ts";

const contentOf = async ({ journal }: OpenJournal) => ({
  entries: await journal.read({ after: 0, limit: 99_999 }),
  alerts: await journal.documents({ collection: "alerts", limit: 99_999 }),
  rules: await journal.documents({ collection: "rules", limit: 99_999 }),
});

test("comes back as it was, in another epoch in which old cursors are out of range", async () => {
  using dir = tempDir("journal");
  const file = join(dir.path, "b.tar");
  await using open = await openJournal(join(dir.path, "data"));
  const { journal, log } = open;
  await journal.append(
    upTo(20).map((n) => eventOf(n)),
    [changeOf("gone", 1), changeOf("stays", 2)],
  );
  await journal.append([], [changeOf("gone", null), changeOf("r", 3, "rules")]);
  await journal.trim(4);
  await backUp(log, file);
  const wanted = await contentOf(open);
  expect(wanted.alerts.map(({ key }) => key)).toEqual(["stays"]);
  const seen = journal.cursorOf(20);
  expect(verify(file)).toMatchObject({ verified: { journalEntries: 16, documents: 2 }, damage: [] });

  await using again = await restored(file, join(dir.path, "restored"));
  expect(await contentOf(again)).toEqual(wanted);
  expect(again.opened.journal).toMatchObject({ firstPosition: 5, lastPosition: 20 });
  expect(again.journal.epoch).not.toBe(journal.epoch);
  expect(() => again.journal.positionOf(seen)).toThrow("it is of another journal, such as the one before a restore");
  expect(again.journal.positionOf(again.journal.cursorOf(20))).toBe(20);
  expect((await again.journal.append([eventOf(0)]))[0].position).toBeGreaterThan(20);
  const { epoch } = again.journal;
  await again[Symbol.asyncDispose]();
  await using third = await openJournal(join(dir.path, "restored"));
  expect(third.journal.epoch).toBe(epoch);
});

for (const seed of [1, 2, 3]) {
  test(`is that of one moment, whatever changes while it is copied: ${seed}`, async () => {
    using dir = tempDir("journal");
    const file = join(dir.path, "b.tar");
    const random = randomOf(seed);
    let n = 0;
    await using open = await openJournal(join(dir.path, "data"));
    const { journal, log } = open;
    const change = (): DocumentChange => {
      const [collection, key] = [random() < 0.8 ? "alerts" : "rules", `k${Math.floor(random() * 2_500)}é`];
      return changeOf(key, random() < 0.3 ? null : ++n, collection);
    };
    const append = (events: number, changes: number) =>
      journal.append(
        upTo(events).map(() => eventOf(++n)),
        upTo(changes).map(change),
      );
    for (const _ of upTo(4)) await append(600, 900);
    const wanted = await contentOf(open);

    await log.beginSnapshot();
    const found = { entries: [] as unknown[], documents: [] as string[] };
    for (let isLast = false; !isLast;) {
      await append(100, 700);
      const page = await log.readSnapshot();
      found.entries.push(...page.entries);
      found.documents.push(...page.documents.map((document) => JSON.stringify(document)));
      ({ isLast } = page);
    }
    expect(found.entries).toEqual([...wanted.entries]);
    const documents = [...wanted.alerts, ...wanted.rules].map((document) => JSON.stringify(document));
    expect(found.documents.toSorted()).toEqual(documents.toSorted());

    // The same through the archive: what changes after its first part is not in it.
    const before = await contentOf(open);
    await backUp(log, file, async () => void (await append(10, 200)));
    await using again = await restored(file, join(dir.path, "restored"));
    const { entries, alerts } = await contentOf(again);
    expect(entries.slice(0, before.entries.length)).toEqual([...before.entries]);
    expect(entries.length).toBe(before.entries.length);
    expect(alerts).toEqual(before.alerts);
    expect([...again.damage, ...open.damage]).toEqual([]);
  });
}

test("entries that are trimmed while they are copied do not leave a hole", async () => {
  using dir = tempDir("journal");
  const file = join(dir.path, "b.tar");
  await using open = await openJournal(join(dir.path, "data"));
  const { journal, log } = open;
  for (const part of upTo(12)) await journal.append(upTo(1_000, part * 1_000).map((n) => eventOf(n)));
  let parts = 0;
  await backUp(log, file, async () => (++parts === 1 ? journal.trim(10_000) : undefined));
  await using again = await restored(file, join(dir.path, "restored"));
  expect(again.journal.firstPosition).toBe(10_001);
  expect(numbersOf(await again.journal.read({ after: 0, limit: 99_999 }))).toEqual(upTo(2_000, 10_000));
});

test("an entry that is damaged is left out and named, a document stays a damaged one; a backup that took too much to hold is refused", async () => {
  using dir = tempDir("journal");
  const file = join(dir.path, "b.tar");
  const data = join(dir.path, "data");
  {
    await using open = await openJournal(data);
    await open.journal.append(
      upTo(3).map((n) => eventOf(n)),
      [changeOf("a", 1), changeOf("b", 1), changeOf("c", 1)],
    );
  }
  {
    using database = new Database(join(data, "state.db"), { readwrite: true });
    database.run("UPDATE journal SET payload = '{}' WHERE position = 2");
    database.run("UPDATE document SET value = '{}' WHERE key = 'a'");
    database.run("UPDATE document SET value = x'00', sort = 'x' WHERE key = 'c'");
  }
  await using open = await openJournal(data);
  await backUp(open.log, file, async () => void (await open.journal.append([], [changeOf("c", 2)])));
  const { verified, damage } = verify(file);
  expect(damage).toEqual([]);
  expect(verified.notes.toSorted()).toEqual([
    'document "a" of "alerts" was damaged when the backup was made',
    'document "c" of "alerts" was damaged when the backup was made',
    "journal entry 2 was left out when the backup was made",
  ]);
  {
    await using again = await restored(file, join(dir.path, "restored"));
    const query = { collection: "alerts", limit: 9 };
    expect((await again.journal.documents(query)).map(({ key }) => key)).toEqual(["b"]);
    const found = await again.journal.documents({ ...query, hasDamaged: true });
    expect(found.map(({ key, value }) => [key, value])).toEqual([
      ["c", DAMAGED],
      ["a", DAMAGED],
      ["b", '{"n":1}'],
    ]);
    expect(again.damage.toSorted()).toEqual([
      'state.db, document "a" of "alerts" does not match its checksum: it is not served',
      'state.db, document "c" of "alerts" does not match its checksum: it is not served',
    ]);
  }

  const large = { ...changeOf("large", 1), value: JSON.stringify("x".repeat(1 << 20)) };
  const many = upTo(40).map((n) => ({ ...large, key: `large${n}` }));
  for (const one of many) await open.journal.append([], [one]);
  await open.log.beginSnapshot();
  for (const one of many) await open.journal.append([], [{ ...one, value: "{}" }]);
  const refused = await open.log.readSnapshot().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(WatchpostError);
  expect(refused).toMatchObject({ status: "ABORTED" });
  open.log.endSnapshot();
});

test("an archive whose rows are no rows is named", async () => {
  using dir = tempDir("journal");
  const file = join(dir.path, "b.tar");
  await using open = await openJournal(join(dir.path, "data"));
  await open.journal.append([eventOf(0), eventOf(1)]);
  await backUp(open.log, file);
  const bytes = readFileSync(file);
  const at = bytes.indexOf("[[1,") + 2;
  bytes[at] = "9".charCodeAt(0);
  writeFileSync(file, bytes);
  expect(verify(file).damage.join("\n")).toContain("journal-000000.json is damaged: its checksum does not match");
  await expect(restored(file, join(dir.path, "restored"))).rejects.toThrow("journal-000000.json is damaged");
});
