/** What holds for every {@link Journal}, whether its log is of one node alone or shared over Redis. */
import { describe, expect, test } from "bun:test";
import type { Journal } from "../../../src/log/journal.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { StoredDocument } from "../../../src/model/journal.ts";
import { changeOf, eventOf, numbersOf, openJournal, upTo } from "../../log/journal-rig.ts";
import { tempDir } from "../../support/server-process.ts";
import { hasRedis } from "../redis-server.ts";
import { SharedCluster } from "./shared-rig.ts";

interface Opened extends AsyncDisposable {
  readonly journal: Journal;
  readonly errors: readonly unknown[];
  /** Closes it, and opens what is on the disk. */
  reopen(): Promise<void>;
}

async function embedded(): Promise<Opened> {
  const dir = tempDir("journal");
  let open = await openJournal(dir.path);
  return {
    get journal() {
      return open.journal;
    },
    get errors() {
      return open.errors;
    },
    async reopen() {
      await open[Symbol.asyncDispose]();
      open = await openJournal(dir.path);
    },
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

async function shared(): Promise<Opened> {
  const cluster = await SharedCluster.start();
  let node = await cluster.open("a");
  // Somebody hears all of it, and must not disturb.
  await cluster.open("b");
  return {
    get journal() {
      return node.journal;
    },
    get errors() {
      return node.errors;
    },
    async reopen() {
      await node.close();
      node = await cluster.open("a");
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

const statusOf = (error: unknown) => (error instanceof WatchpostError ? error.status : String(error));

describe.each([["of one node", embedded], ...(hasRedis ? [["that nodes share", shared] as const] : [])] as const)(
  "a journal %s",
  (_, open) => {
    test("numbers in the order of the calls, tells followers first, and reads what was appended", async () => {
      await using opened = await open();
      const { journal, errors } = opened;
      const order: string[] = [];
      journal.follow((entries) => order.push(...numbersOf(entries).map((n) => `heard ${n}`)));
      journal.follow(() => {
        throw new Error("oops");
      });
      const appends = upTo(20).map(async (n) => {
        const entries = await journal.append([eventOf(n)], [changeOf(`k${n}`, n)]);
        order.push(`done ${n}`);
        return entries;
      });
      const entries = (await Promise.all(appends)).flat();
      for (const kind of ["heard", "done"]) {
        expect(order.filter((each) => each.startsWith(kind))).toEqual(upTo(20).map((n) => `${kind} ${n}`));
      }
      for (const n of upTo(20)) expect(order.indexOf(`heard ${n}`)).toBeLessThan(order.indexOf(`done ${n}`));
      expect(errors.every((error) => String(error) === "Error: oops")).toBe(true);
      const positions = entries.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
      expect(await journal.read({ after: 0, limit: 99 })).toEqual(entries);
      expect(await journal.read({ after: positions[4], before: positions[8], limit: 99 })).toEqual(entries.slice(5, 8));
      expect(await journal.read({ after: 0, limit: 3, descending: true })).toEqual(entries.slice(-3).toReversed());
      const ofSubject = entries.filter(({ subject }) => subject === "a1");
      expect(await journal.read({ after: 0, limit: 99, subject: "a1", kind: "alert" })).toEqual(ofSubject);
      expect(journal.lastPosition).toBeGreaterThanOrEqual(positions.at(-1)!);
      expect(await journal.append([])).toEqual([]);
    }, 60_000);

    test("changes documents with their events, all or nothing", async () => {
      await using opened = await open();
      const { journal } = opened;
      await journal.append([], [{ ...changeOf("a", 2), sort: 1.5 }, changeOf("b", 1), changeOf("c", 3)]);
      await journal.append([eventOf(1)], [changeOf("b", null), changeOf("c", 4), changeOf("x", 1, "rules")]);
      const wrong = { ...changeOf("a", 9), sort: Number.NaN };
      await expect(journal.append([eventOf(2)], [wrong])).rejects.toThrow("wanted a number");
      const documents = await journal.documents({ collection: "alerts", limit: 9 });
      expect(documents).toEqual([{ ...changeOf("a", 2), sort: 1.5 }, changeOf("c", 4)] as StoredDocument[]);
      expect(await journal.documents({ collection: "alerts", limit: 1, descending: true })).toEqual(documents.slice(1));
      expect(await journal.document("rules", "x")).toEqual(changeOf("x", 1, "rules") as StoredDocument);
      expect(await journal.document("alerts", "b")).toBeUndefined();
      expect(numbersOf(await journal.read({ after: 0, limit: 9 }))).toEqual([1]);
    }, 60_000);

    test("keeps entries, documents and cursors over a restart", async () => {
      await using opened = await open();
      const [first] = await opened.journal.append([eventOf(1)], [changeOf("a", 1)]);
      const cursor = opened.journal.cursorOf(first.position);
      const { epoch, lastPosition } = opened.journal;
      await opened.reopen();
      const { journal } = opened;
      expect([journal.epoch, journal.lastPosition, journal.positionOf(cursor)]).toEqual([
        epoch,
        lastPosition,
        first.position,
      ]);
      const [second] = await journal.append([eventOf(2)]);
      expect(second.position).toBeGreaterThan(first.position);
      expect(await journal.read({ after: journal.positionOf(cursor), limit: 9 })).toEqual([second]);
      expect(await journal.document("alerts", "a")).toEqual(changeOf("a", 1) as StoredDocument);
    }, 60_000);

    test("refuses cursors that it does not reach, are trimmed, or of another journal", async () => {
      await using opened = await open();
      const { journal } = opened;
      const positions: number[] = [];
      for (const n of upTo(5)) positions.push((await journal.append([eventOf(n)]))[0].position);
      await journal.trim(positions[1]);
      expect(numbersOf(await journal.read({ after: 0, limit: 9 }))).toEqual([2, 3, 4]);
      expect(journal.firstPosition).toBe(positions[1] + 1);
      const at = (position: number) => () => journal.positionOf(journal.cursorOf(position));
      expect(at(positions[1])()).toBe(positions[1]);
      for (const wrong of [at(positions[0]), at(journal.lastPosition + 1)])
        expect(wrong).toThrow("cannot be gone on from");
      expect(() => journal.positionOf("AAAAAAAAAAAAAAAAAAAA")).toThrow("wanted a cursor");
      await opened.reopen();
      expect(opened.journal.firstPosition).toBe(positions[1] + 1);
      expect(numbersOf(await opened.journal.read({ after: 0, limit: 9 }))).toEqual([2, 3, 4]);
    }, 60_000);

    test("takes large appends whole, and refuses what never fits", async () => {
      await using opened = await open();
      const { journal } = opened;
      const large = { ...eventOf(1), payload: JSON.stringify({ n: 1, text: "é".repeat(1_000_000) }) };
      const many = upTo(3_000).map((n) => eventOf(n));
      await Promise.all([journal.append([large]), journal.append(many), journal.append([eventOf(7)])]);
      const numbers = numbersOf(await journal.read({ after: 0, limit: 9_999 }));
      expect(numbers).toEqual([1, ...upTo(3_000), 7]);
      const tooLarge = { ...eventOf(1), payload: "é".repeat(4_500_000) };
      expect(await journal.append([tooLarge]).catch(statusOf)).toBe("INVALID_ARGUMENT");
    }, 60_000);

    test("takes nothing any more once it is closed, which waits for what is under way", async () => {
      await using opened = await open();
      const { journal } = opened;
      const appends = upTo(5).map((n) => journal.append([eventOf(n)]));
      await journal.close();
      expect((await Promise.all(appends)).flat().length).toBe(5);
      expect(await journal.append([eventOf(9)]).catch(statusOf)).toBe("UNAVAILABLE");
      expect(numbersOf(await journal.read({ after: 0, limit: 9 }))).toEqual(upTo(5));
    }, 60_000);
  },
);
