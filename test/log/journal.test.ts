/** The journal through its worker: order, commits, followers, reading, documents, and what is refused. */
import { describe, expect, test } from "bun:test";
import type { Worker } from "node:worker_threads";
import type { JournalLog } from "../../src/log/journal.ts";
import { LogClient } from "../../src/log/log-client.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { DocumentQuery, JournalEvent, StoredDocument } from "../../src/model/journal.ts";
import { JOURNAL_COMMIT_ROWS_MAX, JOURNAL_QUEUE_BYTES_MAX, JOURNAL_QUEUE_ROWS_MAX } from "../../src/model/limits.ts";
import { tempDir } from "../support/server-process.ts";
import { recordOf, spawn } from "./harness.ts";
import { changeOf, eventOf, journalOver, numbersOf, openJournal, upTo, watched } from "./journal-rig.ts";

const FRESH = { epoch: 7, firstPosition: 1, lastPosition: 0, nextPosition: 1 };

/** A log whose commits wait to be settled; of each it is known how many events it had. */
function heldLog() {
  const commits: { readonly events: number; succeed(): void; fail(error: unknown): void }[] = [];
  let next = 1;
  const unused = () => Promise.reject(new Error("not asked for"));
  const log: JournalLog = {
    commitJournal(events) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const succeed = () => {
        resolve(next);
        next += events.length;
      };
      commits.push({ events: events.length, succeed, fail: reject });
      return promise;
    },
    readJournal: unused,
    trimJournal: unused,
    readDocuments: unused,
    readDocument: unused,
  };
  return { commits, journal: journalOver(log, FRESH) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const statusOf = (error: unknown) => (error instanceof WatchpostError ? error.status : String(error));

describe("append", () => {
  test("numbers events from 1 in the order of the calls, on the disk when it resolves", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    expect([journal.lastPosition, journal.firstPosition]).toEqual([0, 1]);
    const [first] = await journal.append([eventOf(0)]);
    expect(first).toEqual({ ...eventOf(0), position: 1 });
    const order: number[] = [];
    const appends = upTo(50, 1).map((n) =>
      journal.append([eventOf(n), eventOf(n)]).then((entries) => {
        order.push(n);
        return entries;
      }),
    );
    const entries = (await Promise.all(appends)).flat();
    expect(order).toEqual(upTo(50, 1));
    expect(entries.map(({ position }) => position)).toEqual(upTo(100, 2));
    expect(await journal.read({ after: 1, limit: 1_000 })).toEqual(entries);
    expect(journal.lastPosition).toBe(101);
    expect(await journal.append([])).toEqual([]);
  });

  test("goes on without a number given twice after a restart", async () => {
    using dir = tempDir("journal");
    let epoch = 0;
    for (const round of upTo(3)) {
      await using open = await openJournal(dir.path);
      expect(open.opened.journal).toMatchObject({ firstPosition: 1, lastPosition: round, nextPosition: round + 1 });
      if (round > 0) expect(open.journal.epoch).toBe(epoch);
      epoch = open.journal.epoch;
      const [{ position }] = await open.journal.append([eventOf(round)]);
      expect(position).toBe(round + 1);
    }
  });

  test("what comes while a commit is under way is one commit, large ones are split between appends", async () => {
    const { journal, commits } = heldLog();
    const sizes = [1, 2, 3, JOURNAL_COMMIT_ROWS_MAX - 10, 8, 5_000, 1];
    const appends: Promise<unknown>[] = [];
    const add = (size: number) => appends.push(journal.append(upTo(size).map((n) => eventOf(n))));
    add(1);
    add(1);
    await turn();
    sizes.forEach(add);
    await turn();
    expect(commits.map(({ events }) => events)).toEqual([2]);
    for (let i = 0; i < commits.length; i++) {
      commits[i].succeed();
      await turn();
    }
    await Promise.all(appends);
    expect(commits.map(({ events }) => events)).toEqual([2, JOURNAL_COMMIT_ROWS_MAX - 4, 8, 5_000, 1]);
  });

  test("many at once take fewer commits than appends", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    let commits = 0;
    const journal = journalOver(
      watched(open.log, () => commits++),
      open.opened.journal,
    );
    const sender = async (from: number) => {
      for (const n of upTo(20, from)) {
        await journal.append([eventOf(n)]);
        if (n % 3 === 0) await turn();
      }
    };
    await Promise.all(upTo(20).map((i) => sender(i * 20)));
    expect(numbersOf(await journal.read({ after: 0, limit: 1_000 })).sort((a, b) => a - b)).toEqual(upTo(400));
    expect(commits).toBeLessThan(200);
  });

  test("records of points and appends are answered in the order they came", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    await Promise.all([
      open.log.append(recordOf(0, [1])).then(note("record 0")),
      open.log.commitJournal([eventOf(0)], []).then(note("commit 0")),
      open.log.append(recordOf(1, [1])).then(note("record 1")),
      open.log.commitJournal([eventOf(1)], []).then(note("commit 1")),
      open.log.readJournal({ after: 0, limit: 9 }).then(({ entries }) => note(`${entries.length} read`)()),
    ]);
    expect(order).toEqual(["record 0", "commit 0", "record 1", "commit 1", "2 read"]);
  });

  test("is counted as written for the journal", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    await open.journal.append([eventOf(0)]);
    expect((await open.log.stats()).writtenBytes["journal"]).toBeGreaterThan(0);
  });
});

describe("what is refused", () => {
  test("more than may wait, in rows and in bytes; there is room again when it is committed", async () => {
    const { journal, commits } = heldLog();
    const half = upTo(JOURNAL_QUEUE_ROWS_MAX / 2).map((n) => eventOf(n));
    const taken = [journal.append(half), journal.append(half.slice(1), [changeOf("a", 1)])];
    await turn();
    const refused = await journal.append([eventOf(0)]).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: expect.any(Number) });
    commits[0].succeed();
    await turn();
    commits[1].succeed();
    await Promise.all(taken);
    const large = (bytes: number): JournalEvent => ({ ...eventOf(0), payload: "é".repeat(bytes / 2) });
    const held = journal.append([large(JOURNAL_QUEUE_BYTES_MAX - 100)]);
    await turn();
    expect(await journal.append([large(200)]).catch(statusOf)).toBe("RESOURCE_EXHAUSTED");
    commits[2].succeed();
    await held;
    expect(await journal.append([large(JOURNAL_QUEUE_BYTES_MAX)]).catch(statusOf)).toBe("INVALID_ARGUMENT");
    expect(await journal.append([...half, ...half, ...half]).catch(statusOf)).toBe("INVALID_ARGUMENT");
  });

  test("every append of a commit that fails; the next is tried anew", async () => {
    const { journal, commits } = heldLog();
    const heard: number[] = [];
    journal.follow((entries) => heard.push(...numbersOf(entries)));
    const failed = [0, 1].map((n) => journal.append([eventOf(n)]).catch((error: unknown) => error));
    await turn();
    const next = journal.append([eventOf(2)]);
    commits[0].fail(new WatchpostError("RESOURCE_EXHAUSTED", "the disk is full"));
    for (const error of await Promise.all(failed)) {
      expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED", message: "the disk is full", retryAfterMs: 1_000 });
    }
    commits[1].succeed();
    expect(await next).toMatchObject([{ position: 1 }]);
    expect(heard).toEqual([2]);
  });

  test("a time or a sort that is no number, without harm to others", async () => {
    const { journal, commits } = heldLog();
    const whole = journal.append([eventOf(0)]);
    await expect(journal.append([{ ...eventOf(1), atMs: NaN }])).rejects.toThrow("wanted whole milliseconds");
    await expect(journal.append([], [{ ...changeOf("a", 1), sort: Infinity }])).rejects.toThrow("wanted a number");
    await turn();
    expect(commits.map(({ events }) => events)).toEqual([1]);
    commits[0].succeed();
    await whole;
  });

  test("nothing for what else an event carries: it is left behind", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const rich = { ...eventOf(0), told: () => {} };
    const richChange = { ...changeOf("a", 1), told: () => {} };
    expect(await open.journal.append([rich], [richChange])).toEqual([{ ...eventOf(0), position: 1 }]);
    expect(await open.journal.document("alerts", "a")).toEqual(changeOf("a", 1) as StoredDocument);
  });

  test("everything once it is closed, which waits for what is under way", async () => {
    const { journal, commits } = heldLog();
    const settled: string[] = [];
    const note = (what: string) => () => void settled.push(what);
    const appends = [journal.append([eventOf(0)]).then(note("first"))];
    await turn();
    appends.push(journal.append([eventOf(1)]).then(note("second")));
    const closed = Promise.all([journal.close(), journal.close()]).then(note("closed"));
    expect(await journal.append([eventOf(2)]).catch(statusOf)).toBe("UNAVAILABLE");
    commits[0].succeed();
    await turn();
    commits[1].succeed();
    await Promise.all([closed, ...appends]);
    expect(settled.slice(0, 1)).toEqual(["first"]);
    expect(settled.toSorted()).toEqual(["closed", "first", "second"]);
    await journal.close();
  });

  test("what the log was asked before its end is answered, whoever closes it", async () => {
    using dir = tempDir("journal");
    const open = await openJournal(dir.path);
    const appends = upTo(5).map((n) => open.log.commitJournal([eventOf(n)], []));
    await open.log.close();
    expect(await Promise.all(appends)).toEqual(upTo(5, 1));
    expect(await open.journal.append([eventOf(9)]).catch(statusOf)).toBe("UNAVAILABLE");
  });

  test("everything after the worker has crashed, by UNAVAILABLE", async () => {
    using dir = tempDir("journal");
    let worker: Worker | undefined;
    const options = { dir: dir.path, segmentBytesMax: 1 << 20 };
    const { log, opened } = await LogClient.open((role) => (worker = spawn(role)), options);
    const journal = journalOver(log, opened.journal);
    await journal.append([eventOf(0)]);
    await worker!.terminate();
    for (const refused of [
      journal.append([eventOf(1)]),
      journal.read({ after: 0, limit: 1 }),
      journal.document("alerts", "a"),
      journal.trim(1),
    ]) {
      expect(await (refused as Promise<unknown>).catch(statusOf)).toBe("UNAVAILABLE");
    }
    await journal.close();
    await log.close();
  });
});

describe("follow", () => {
  test("hears of entries in order and before whoever appended them; one that throws disturbs nobody", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    const told: string[] = [];
    journal.follow(() => {
      throw new Error("oops");
    });
    const end = journal.follow((entries) => {
      expect(journal.lastPosition).toBe(entries.at(-1)!.position);
      told.push(...numbersOf(entries).map((n) => `heard ${n}`));
    });
    const append = async (n: number) => {
      await journal.append([eventOf(n)], [changeOf("a", n)]);
      told.push(`done ${n}`);
    };
    await append(0);
    await Promise.all([append(1), append(2)]);
    expect(told).toEqual(["heard 0", "done 0", "heard 1", "heard 2", "done 1", "done 2"]);
    expect(open.errors).toEqual([new Error("oops"), new Error("oops")]);
    end();
    end();
    await append(3);
    await journal.append([], [changeOf("a", 4)]);
    expect([told.length, open.errors.length]).toEqual([7, 3]);
  });

  test("may append and may leave while it listens; who joins meanwhile hears of the next", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    const heard: Record<string, number[]> = { first: [], late: [] };
    let nested: Promise<unknown> | undefined;
    const leave = journal.follow((entries) => {
      heard["first"].push(...numbersOf(entries));
      leave();
      journal.follow((later) => heard["late"].push(...numbersOf(later)));
      nested = journal.append([eventOf(1)]);
    });
    await journal.append([eventOf(0)]);
    await nested;
    expect(heard).toEqual({ first: [0], late: [1] });
  });
});

describe("read", () => {
  test("gives entries behind a position, of a subject or a kind, over as many pages as it takes", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    const count = 2_500;
    const subjectOf = (n: number) => (n % 100 === 0 ? "rare" : "common");
    const kindOf = (n: number) => (n % 7 === 0 ? "issue" : "alert");
    await journal.append(upTo(count).map((n) => eventOf(n, { subject: subjectOf(n), kind: kindOf(n) })));
    const read = async (query: Parameters<typeof journal.read>[0]) => numbersOf(await journal.read(query));
    expect(await read({ after: 0, limit: 9_999 })).toEqual(upTo(count));
    expect(await read({ after: 10, limit: 2_200 })).toEqual(upTo(2_200, 10));
    expect(await read({ after: count - 1, limit: 5 })).toEqual([count - 1]);
    expect(await read({ after: count, limit: 5 })).toEqual([]);
    const last = upTo(count).reverse();
    expect(await read({ after: 0, limit: 2_200, descending: true })).toEqual(last.slice(0, 2_200));
    expect(await read({ after: count - 3, before: count, limit: 9, descending: true })).toEqual([count - 2, count - 3]);
    expect(await read({ after: 5, before: 8, limit: 9 })).toEqual([5, 6]);
    const rare = upTo(count).filter((n) => subjectOf(n) === "rare");
    expect(await read({ after: 1, limit: 9, subject: "rare" })).toEqual(rare.slice(1, 10));
    const issues = upTo(count).filter((n) => kindOf(n) === "issue");
    expect(await read({ after: 0, limit: 9_999, kind: "issue" })).toEqual(issues);
    const both = issues.filter((n) => rare.includes(n));
    expect(await read({ after: 0, limit: 9_999, kind: "issue", subject: "rare" })).toEqual(both);
    expect(await read({ after: 0, limit: 9, subject: "none" })).toEqual([]);
  });

  test("large payloads come in small pages; text of any kind comes back as it was", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    const events = upTo(40).map((n) => ({ ...eventOf(n), payload: JSON.stringify({ n, text: "x".repeat(100_000) }) }));
    for (const event of events) await journal.append([event]);
    const page = await open.log.readJournal({ after: 0, limit: 1_000 });
    expect([page.entries.length, page.isLast]).toEqual([6, false]);
    expect(numbersOf(await journal.read({ after: 0, limit: 1_000 }))).toEqual(upTo(40));
    const odd = { atMs: -5, kind: "", subject: "a\0b", actor: "Zoë 🙂 \u{10ffff}", payload: "" };
    const [{ position }] = await journal.append([odd]);
    expect(await journal.read({ after: position - 1, limit: 1 })).toEqual([{ ...odd, position }]);
    expect(open.damage).toEqual([]);
  });
});

describe("documents", () => {
  test("are listed by sort and key in both directions, page by page", async () => {
    using dir = tempDir("journal");
    await using open = await openJournal(dir.path);
    const { journal } = open;
    const changes = upTo(2_300).map((n) => ({ ...changeOf(`k${String(n % 1_000)}.${n}`, n), sort: Math.floor(n / 7) }));
    await journal.append([eventOf(0)], [...changes, changeOf("other", 1, "rules")]);
    const wanted = changes.toSorted((a, b) => a.sort - b.sort || (a.key < b.key ? -1 : 1));
    for (const descending of [false, true]) {
      const inOrder = descending ? wanted.toReversed() : wanted;
      for (const limit of [300, 2_200]) {
        const found: unknown[] = [];
        for (let query: DocumentQuery = { collection: "alerts", limit, descending }; ;) {
          const page = await journal.documents(query);
          found.push(...page);
          if (page.length < limit) break;
          query = { ...query, after: page.at(-1)! };
        }
        expect(found).toEqual(inOrder);
      }
    }
    expect(await journal.documents({ collection: "none", limit: 9 })).toEqual([]);
  });

  test("change with the events of their append, in its order; what is removed is gone", async () => {
    using dir = tempDir("journal");
    {
      await using open = await openJournal(dir.path);
      await open.journal.append([eventOf(0)], [changeOf("a", 1), changeOf("b", 1), changeOf("a", 2)]);
      await open.journal.append(
        [],
        [changeOf("b", null), changeOf("never", null), changeOf("c", 3), changeOf("d", -1.5)],
      );
      await open.journal.append([], [changeOf("c", null), changeOf("c", 4)]);
    }
    await using open = await openJournal(dir.path);
    const { journal } = open;
    expect(await journal.document("alerts", "a")).toEqual({
      collection: "alerts",
      key: "a",
      sort: 2,
      value: '{"n":2}',
    });
    expect(await journal.document("alerts", "b")).toBeUndefined();
    expect(await journal.document("rules", "a")).toBeUndefined();
    const all = await journal.documents({ collection: "alerts", limit: 9 });
    expect(all.map(({ key, sort }) => [key, sort])).toEqual([
      ["d", -1.5],
      ["a", 2],
      ["c", 4],
    ]);
    expect(journal.lastPosition).toBe(1);
  });
});
