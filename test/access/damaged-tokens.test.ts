/** Tokens whose cells in `state.db` changed on the disk: whatever is lost of them, the server goes on asking, and says so. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REVOKED_CERTIFICATES, RevokedCertificates } from "../../src/access/revoked-certificates.ts";
import { TOKENS } from "../../src/access/token-documents.ts";
import { Tokens } from "../../src/access/tokens.ts";
import type { Journal } from "../../src/log/journal.ts";
import { COUNTED_COLLECTIONS, LOST } from "../../src/model/journal.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyDirectory } from "../../src/store/verify.ts";
import { backUp, restored } from "../log/journal-archive.ts";
import { openJournal } from "../log/journal-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const clock = new ManualClock();

async function tokensOf(journal: Journal, hasOtherAdmins = false) {
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  return { tokens: await Tokens.open({ journal, clock, configured: undefined, hasOtherAdmins, onTrouble }), troubles };
}

/** As many admins, called a0, a1, …; returns their ids, ascending. */
async function make(dir: string, count: number): Promise<string[]> {
  await using open = await openJournal(dir);
  const { tokens } = await tokensOf(open.journal);
  for (let i = 0; i < count; i++) {
    await tokens.create({ name: `a${i}`, role: "admin", scope: undefined, expiresAtMs: undefined }, "ann", true);
  }
  return tokens
    .list()
    .map(({ id }) => id)
    .sort();
}

/** What a server that starts knows of its tokens. */
async function started(dir: string) {
  await using open = await openJournal(dir);
  const { tokens } = await tokensOf(open.journal);
  return { isAny: tokens.isAny, ids: tokens.list().map(({ id }) => id), damage: open.damage };
}

function verified(dir: string): string[] {
  const damage: string[] = [];
  runToEnd(verifyDirectory(dir, (sentence) => void damage.push(sentence)));
  return damage;
}

/** Flips a bit `offset` behind each place where the cells of a token stand in the table of documents, or in its index. */
function flip(dir: string, id: string, where: "table" | "index", offset: number): void {
  const path = join(dir, "state.db");
  const bytes = readFileSync(path);
  const text = `${TOKENS}${id}`;
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    const isInTable = bytes[at + text.length] === "{".charCodeAt(0);
    if (isInTable !== (where === "table")) continue;
    bytes[at + offset] ^= 1;
    count++;
  }
  expect(count).toBeGreaterThan(0);
  writeFileSync(path, bytes);
}

/** Into the collection, the id and the value. A row whose name is another one may hide its neighbours, too. */
const FLIPS = [
  ["table", 0, [1, 3]],
  ["table", TOKENS.length + 2, [1]],
  ["table", TOKENS.length + 30, [1]],
  ["index", 0, [1, 3]],
  ["index", TOKENS.length + 2, [1]],
] as const;

for (const [where, offset, counts] of FLIPS) {
  for (const count of counts) {
    test(`of ${count} tokens one is damaged in the ${where}, byte ${offset}: it is missed, also after a backup`, async () => {
      using dir = tempDir("tokens");
      const [data, file, copy] = ["data", "b.tar", "copy"].map((name) => join(dir.path, name));
      const ids = await make(data, count);
      flip(data, ids[0], where, offset);
      expect(verified(data).join("\n")).toContain(
        where === "table" ? "does not match its checksum" : "missing from index",
      );
      const { isAny, damage } = await started(data);
      expect(isAny).toBe(true);
      expect(damage.join("\n")).toMatch(/does not match its checksum|of the documents of "token" cannot be found/);
      {
        await using open = await openJournal(data);
        await backUp(open.log, file);
      }
      {
        await using again = await restored(file, copy);
        const { tokens } = await tokensOf(again.journal, true);
        expect(tokens.isAny).toBe(true);
        // The index is made anew: what is whole is back.
        expect(tokens.list().length).toBe(where === "table" ? count - 1 : count);
        for (const id of [ids[0], LOST]) await tokens.forgetUnreadable(id);
      }
      expect((await started(copy)).ids.length).toBe(where === "table" ? count - 1 : count);
    });
  }
}

test("a row of another collection that may be a token's is named at the start", async () => {
  using dir = tempDir("tokens");
  const [id] = await make(dir.path, 1);
  flip(dir.path, id, "table", 0);
  expect((await started(dir.path)).damage).toEqual([
    `state.db: 1 of the documents of "token" cannot be found; damaged are: document "${id}" of "uoken"`,
  ]);
  expect(verified(dir.path)).toContain('state.db, of "token" 1 documents are counted, and 0 can be found');
});

test("what is lost is taken leave of by an admin, and then it is missed no more", async () => {
  using dir = tempDir("tokens");
  const [id] = await make(dir.path, 2);
  flip(dir.path, id, "table", TOKENS.length + 30);
  {
    await using open = await openJournal(dir.path);
    const { tokens } = await tokensOf(open.journal);
    expect(tokens.list().length).toBe(1);
    expect(await tokens.forgetUnreadable("0123456789")).toBe(false);
    expect(await tokens.forgetUnreadable(id)).toBe(true);
    expect(await tokens.forgetUnreadable(id)).toBe(false);
  }
  expect(await started(dir.path)).toMatchObject({ isAny: true, damage: [] });
  expect(verified(dir.path)).toEqual([]);
});

test("but not where nobody could give access from then on", async () => {
  using dir = tempDir("tokens");
  const [id] = await make(dir.path, 1);
  flip(dir.path, id, "table", TOKENS.length + 30);
  await using open = await openJournal(dir.path);
  const { tokens } = await tokensOf(open.journal);
  await expect(tokens.forgetUnreadable(id)).rejects.toThrow("this server would ask nobody who they are");
});

test("a count that is damaged, or of a version that did not count, opens nothing", async () => {
  using dir = tempDir("tokens");
  const ids = await make(dir.path, 2);
  for (const value of ["'x'", "-1", "1", "NULL"]) {
    {
      using database = new Database(join(dir.path, "state.db"), { readwrite: true });
      if (value === "NULL") database.run("DELETE FROM meta WHERE key = 'documents_token'");
      else database.run(`UPDATE meta SET value = ${value} WHERE key = 'documents_token'`);
    }
    expect(verified(dir.path).length).toBe(value === "NULL" ? 0 : 1);
    expect(await started(dir.path)).toMatchObject({ isAny: true, damage: [] });
  }
  {
    await using open = await openJournal(dir.path);
    await (await tokensOf(open.journal)).tokens.revoke(ids[0], "ann");
  }
  expect(verified(dir.path)).toEqual([]);
  flip(dir.path, ids[1], "table", 0);
  expect((await started(dir.path)).isAny).toBe(true);
});

test("revoked certificates are missed, too", async () => {
  expect([...COUNTED_COLLECTIONS].toSorted()).toEqual([REVOKED_CERTIFICATES, TOKENS].toSorted());
  using dir = tempDir("tokens");
  {
    await using open = await openJournal(dir.path);
    const revoked = await RevokedCertificates.open({ journal: open.journal, clock, onTrouble: () => {} });
    await revoked.revoke("gateway-7", "ann");
  }
  {
    using database = new Database(join(dir.path, "state.db"), { readwrite: true });
    database.run("UPDATE document SET collection = 'x' WHERE key = 'gateway-7'");
  }
  await using open = await openJournal(dir.path);
  await RevokedCertificates.open({ journal: open.journal, clock, onTrouble: () => {} });
  expect(open.damage.join("\n")).toContain('1 of the documents of "revoked-certificate" cannot be found');
});
