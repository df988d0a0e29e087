/** Rows of the journal and of documents that changed on the disk: told, not served, and the others are. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DAMAGED } from "../../src/model/journal.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyDirectory } from "../../src/store/verify.ts";
import { tempDir } from "../support/server-process.ts";
import { changeOf, eventOf, numbersOf, openJournal, upTo } from "./journal-rig.ts";

const COUNT = 1_200;

async function write(dir: string): Promise<void> {
  await using open = await openJournal(dir);
  const events = upTo(COUNT).map((n) => eventOf(n, { subject: n % 2 === 0 ? "even" : "odd" }));
  await open.journal.append(
    events,
    upTo(COUNT).map((n) => changeOf(`k${n}`, n)),
  );
}

function verify(dir: string) {
  const damage: string[] = [];
  return { verified: runToEnd(verifyDirectory(dir, (sentence) => damage.push(sentence))), damage };
}

/** What is served, and what is told of the rest. */
async function served(dir: string) {
  await using open = await openJournal(dir);
  const { journal, damage } = open;
  const all = numbersOf(await journal.read({ after: 0, limit: 9_999 }));
  const even = numbersOf(await journal.read({ after: 0, limit: 9_999, subject: "even" }));
  const documents = numbersOf((await journal.documents({ collection: "alerts", limit: 9_999 })).map(payloadOf));
  return { all, even, documents, damage };
}

const payloadOf = ({ value }: { value: string }) => ({ payload: value });

/** Changes a bit of a text wherever it stands in the file: what a page was before it was split is there too. */
function flip(dir: string, text: string): void {
  const path = join(dir, "state.db");
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    bytes[at + text.length - 2] ^= 1;
    count++;
  }
  expect(count).toBeGreaterThan(0);
  writeFileSync(path, bytes);
}

test("whole ones are served and counted, and verify finds nothing", async () => {
  using dir = tempDir("journal");
  await write(dir.path);
  expect(verify(dir.path)).toMatchObject({ verified: { journalEntries: COUNT, documents: COUNT }, damage: [] });
  expect(await served(dir.path)).toEqual({
    all: upTo(COUNT),
    even: upTo(COUNT).filter((n) => n % 2 === 0),
    documents: upTo(COUNT),
    damage: [],
  });
});

test("a flipped bit in the file: the entry, and the document, is named by verify and not served", async () => {
  using dir = tempDir("journal");
  await write(dir.path);
  flip(dir.path, 'evensystem{"n":42}');
  flip(dir.path, 'alertsk77M{"n":77}');
  const entry = "state.db, journal entry 43 does not match its checksum: it is not served";
  const document = 'state.db, document "k77" of "alerts" does not match its checksum: it is not served';
  expect(verify(dir.path).damage).toEqual([entry, document]);
  const wanted = upTo(COUNT).filter((n) => n !== 42);
  expect(await served(dir.path)).toEqual({
    all: wanted,
    even: wanted.filter((n) => n % 2 === 0),
    documents: upTo(COUNT).filter((n) => n !== 77),
    damage: [entry, document],
  });
});

test("a damaged document is there for whoever must know that there is one, without what stood in it", async () => {
  using dir = tempDir("journal");
  await write(dir.path);
  flip(dir.path, 'alertsk77M{"n":77}');
  await using open = await openJournal(dir.path);
  const documents = await open.journal.documents({ collection: "alerts", limit: 9_999, hasDamaged: true });
  expect(documents.length).toBe(COUNT);
  expect(documents.filter(({ value }) => value === DAMAGED).map(({ key }) => key)).toEqual(["k77"]);
  expect(open.damage).toEqual([expect.stringContaining('document "k77" of "alerts"')]);
});

/** As a bit that flips would, so that SQLite itself finds nothing. */
const CHANGES: [sql: string, wanted: RegExp][] = [
  ["UPDATE journal SET at_ms = at_ms + 1 WHERE position = 5", /^state\.db, journal entry 5 /],
  ["UPDATE journal SET kind = 'issue' WHERE position = 5", /^state\.db, journal entry 5 /],
  ["UPDATE journal SET subject = 'odd' WHERE position = 5", /^state\.db, journal entry 5 /],
  ["UPDATE journal SET actor = x'00' WHERE position = 5", /^state\.db, journal entry 5 /],
  ["UPDATE journal SET position = 9999 WHERE position = 5", /^state\.db, journal entry 9999 /],
  ["UPDATE journal SET crc = crc + 1 WHERE position = 5", /^state\.db, journal entry 5 /],
  ["UPDATE document SET key = 'k0' || key WHERE key = 'k5'", /^state\.db, document "k0k5" of "alerts" /],
  ["UPDATE document SET collection = 'alert' WHERE key = 'k5'", /^state\.db, document "k5" of "alert" /],
  ["UPDATE document SET sort = 'x' WHERE key = 'k5'", /^state\.db, document "k5" of "alerts" /],
  ["UPDATE document SET value = 7 WHERE key = 'k5'", /^state\.db, document "k5" of "alerts" /],
  ["UPDATE meta SET value = 0 WHERE key = 'journal_epoch'", /^state\.db, journal_epoch is 0/],
  ["INSERT OR REPLACE INTO meta VALUES ('journal_first', 'x')", /^state\.db, journal_first is x/],
];

for (const [sql, wanted] of CHANGES) {
  test(`found by verify: ${sql}`, async () => {
    using dir = tempDir("journal");
    await write(dir.path);
    {
      using database = new Database(join(dir.path, "state.db"), { readwrite: true });
      database.run(sql);
    }
    expect(verify(dir.path).damage).toEqual([expect.stringMatching(wanted)]);
    const { damage } = await served(dir.path);
    expect(damage.length).toBeLessThanOrEqual(1);
  });
}

test("a page that is all damaged ends nothing: what is behind it is served", async () => {
  using dir = tempDir("journal");
  await write(dir.path);
  {
    using database = new Database(join(dir.path, "state.db"), { readwrite: true });
    database.run("UPDATE journal SET crc = 0 WHERE position <= 1100");
    database.run("UPDATE document SET crc = 0 WHERE sort < 1100");
  }
  await using open = await openJournal(dir.path);
  expect(numbersOf(await open.journal.read({ after: 0, limit: 3 }))).toEqual(upTo(3, 1_100));
  const found = await open.journal.documents({ collection: "alerts", limit: 2, descending: false });
  expect(found.map(({ sort }) => sort)).toEqual(upTo(2, 1_100));
  expect(await open.journal.document("alerts", "k5")).toBeUndefined();
  expect(open.damage.length).toBe(2_200);
});
