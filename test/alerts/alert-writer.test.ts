/** AlertWriter over journals that fail, are slow, or refuse what is too large. */
import { describe, expect, test } from "bun:test";
import { AlertWriter, type Writing } from "../../src/alerts/alert-writer.ts";
import { Journal } from "../../src/log/journal.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { JournalEntry, JournalEvent } from "../../src/model/journal.ts";
import { JOURNAL_QUEUE_BYTES_MAX } from "../../src/model/limits.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { randomOf } from "../support/random.ts";
import { call, Reader, rest } from "./calls.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { AlertsRig } from "./rig.ts";

const NO_DISK = new WatchpostError("UNAVAILABLE", "no disk", { retryAfterMs: 500 });
const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };

/** What is written, and what each writer was told: its position, null, or undefined where it was not yet. */
function writerOver(journal: { append(events: readonly JournalEvent[]): Promise<readonly JournalEntry[]> }) {
  const clock = new ManualClock();
  const trouble: string[] = [];
  const told: { readonly name: string; readonly position: number | null }[] = [];
  const writer = new AlertWriter(journal, clock, (sentence) => trouble.push(sentence));
  const write = (name: string, payload = "{}") => {
    const writing: Writing = {
      rows: () => ({
        event: { atMs: clock.nowMs(), kind: "alert", subject: name, actor: "", payload },
        documents: [{ collection: "c", key: name, sort: 0, value: payload }],
      }),
      told: (position) => told.push({ name, position }),
      written: () => {},
    };
    writer.write(writing);
  };
  return { clock, trouble, told, writer, write, names: () => told.map(({ name }) => name) };
}

/** The real journal's front, over a log that takes everything. */
function journalInFront(): { journal: Journal; subjects: string[] } {
  const subjects: string[] = [];
  let next = 1;
  const unread = async () => {
    throw new Error("is not read");
  };
  const journal = new Journal({
    log: {
      commitJournal: async (events) => {
        subjects.push(...events.map(({ subject }) => subject));
        const first = next;
        next += events.length;
        return first;
      },
      readJournal: unread,
      trimJournal: unread,
      readDocuments: unread,
      readDocument: unread,
    },
    opened: { epoch: 1, firstPosition: 1, lastPosition: 0, nextPosition: 1 },
    onListenerError: unread,
    onDamage: unread,
  });
  return { journal, subjects };
}

describe("what is to be written together", () => {
  test("is one transaction, whatever waits before and behind it", async () => {
    const memory = new MemoryJournal();
    const commits: string[][] = [];
    const { writer, write, names } = writerOver({
      append(events) {
        commits.push(events.map(({ subject }) => subject));
        return memory.append(events, []);
      },
    });
    const many = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
    const [before, together, behind] = [many("a", 150), many("b", 180), many("c", 30)];
    // Its commit is under way while the others come.
    write("first");
    await Promise.resolve();
    before.forEach((name) => write(name));
    writer.together(() => together.forEach((name) => write(name)));
    behind.forEach((name) => write(name));
    await rest();
    expect(commits).toEqual([["first"], before, [...together, ...behind.slice(0, 20)], behind.slice(20)]);
    expect(names()).toEqual(commits.flat());
  });

  test("is parted where the journal would never take it whole", async () => {
    const { journal, subjects } = journalInFront();
    const { writer, write, told, trouble } = writerOver(journal);
    const payload = "x".repeat(JOURNAL_QUEUE_BYTES_MAX / 8);
    writer.together(() => Array.from({ length: 10 }, (_, i) => write(`${i}`, payload)));
    await writer.written();
    expect(subjects).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    expect([told.length, trouble]).toEqual([10, []]);
  });
});

describe("while the journal cannot be written", () => {
  test("everything is told at once and without a position, and written later, each once and in order", async () => {
    const journal = new MemoryJournal();
    const { clock, trouble, told, write } = writerOver(journal);
    write("a");
    await rest();
    journal.failure = NO_DISK;
    write("b");
    write("c");
    await rest();
    write("d");
    clock.advance(500);
    await rest();
    expect(told).toEqual([
      { name: "a", position: 1 },
      { name: "b", position: null },
      { name: "c", position: null },
      { name: "d", position: null },
    ]);
    expect(trouble.join()).toContain("no disk");
    journal.failure = null;
    write("e");
    clock.advance(500);
    await rest();
    expect(told.slice(4)).toEqual([{ name: "e", position: 5 }]);
    expect(journal.entries.map(({ subject }) => subject)).toEqual(["a", "b", "c", "d", "e"]);
    expect(journal.count("c")).toBe(5);
  });

  test("closed meanwhile, it is not tried again, nor said", async () => {
    const journal = new MemoryJournal();
    const { clock, trouble, write, writer } = writerOver(journal);
    journal.failure = new Error("another node is the desk");
    write("a");
    await rest();
    const said = trouble.length;
    expect(said).toBeGreaterThan(0);
    writer.close();
    journal.failure = null;
    clock.advance(60_000);
    await rest();
    expect([journal.entries.length, trouble.length]).toEqual([0, said]);
  });

  test("at random, nothing is lost, repeated or out of order", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = randomOf(seed);
      const journal = new MemoryJournal();
      const { clock, told, writer, write, names } = writerOver(journal);
      const written: string[] = [];
      for (let i = 0; i < 60; i++) {
        journal.failure = random() < 0.4 ? NO_DISK : null;
        const some = () => {
          for (let k = Math.floor(random() * 4); k > 0; k--) {
            written.push(`${i}.${k}`);
            write(`${i}.${k}`);
          }
        };
        if (random() < 0.5) writer.together(some);
        else some();
        if (random() < 0.7) await rest();
        clock.advance(random() * 1_000);
        await rest();
      }
      journal.failure = null;
      clock.advance(10_000);
      await rest();
      expect({ seed, names: names() }).toEqual({ seed, names: written });
      expect({ seed, names: journal.entries.map(({ subject }) => subject) }).toEqual({ seed, names: written });
      for (const { name, position } of told) {
        if (position !== null) expect(journal.entries[position - 1].subject).toBe(name);
      }
    }
  });

  test("alerts reach subscribers without a cursor; people are told that it is not kept yet, and it is in the end", async () => {
    const rig = new AlertsRig();
    await rig.open();
    await rig.put(HOT);
    const contract = new Reader(rig, {});
    const updates = new Reader(rig, { updates: true });
    await rest();
    rig.journal.failure = NO_DISK;
    await rig.send({ metric: "temp", source: "a", value: 85 });
    await rig.advance(5_000);
    const acknowledging = call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1", userId: "eve" });
    acknowledging.catch(() => {});
    await rig.advance(1_000);
    await expect(acknowledging).rejects.toMatchObject({ status: "UNAVAILABLE" });
    await rest();
    expect(contract.said()).toEqual(["alert-1 medium"]);
    expect(updates.messages.map(({ cursor }) => cursor !== "")).toEqual([true, false, false]);
    expect(updates.said()).toEqual(["snapshot end", "alert-1 fired medium", "alert-1 acknowledged medium ack removed"]);
    rig.journal.failure = null;
    await rig.advance(1_000);
    await rig.send({ metric: "temp", source: "b", value: 85 });
    await rest();
    expect(updates.messages.map(({ cursor }) => cursor)).toEqual(["cursor-4"]);
    expect(updates.said()).toEqual(["alert-2 fired medium"]);
    const { events } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
    expect(events.map(({ change, userId }) => [change, userId])).toEqual([
      [2, ""],
      [6, "eve"],
    ]);
  });
});

describe("written()", () => {
  test("is for what was given before it, however much comes after", async () => {
    const journal = new MemoryJournal();
    let more = 100;
    const { write, writer } = writerOver({
      append: async (...given) => {
        await rest();
        if (more-- > 0) write(`more ${more}`);
        return journal.append(...given);
      },
    });
    write("mine");
    await writer.written();
    expect(more).toBeGreaterThan(90);
  });

  test("does not fail for what was written already", async () => {
    const journal = new MemoryJournal();
    const { write, writer } = writerOver({
      append: async (events) => {
        await rest();
        const added = await journal.append(events);
        journal.failure = NO_DISK;
        return added;
      },
    });
    write("mine");
    const written = writer.written();
    await Promise.resolve();
    await Promise.resolve();
    write("another");
    await written;
    expect(journal.entries.map(({ subject }) => subject)).toEqual(["mine"]);
  });
});

describe("much at once", () => {
  test("20,000 changes are few commits, told in order", async () => {
    const journal = new MemoryJournal();
    const { told, write, writer } = writerOver(journal);
    for (let i = 0; i < 20_000; i++) write(String(i));
    await writer.written();
    expect(told).toEqual(Array.from({ length: 20_000 }, (_, i) => ({ name: String(i), position: i + 1 })));
    expect(journal.appends).toBeLessThanOrEqual(110);
  });

  test("20,000 alerts that fire together and clear reach a subscriber, the list and the journal", async () => {
    const rig = new AlertsRig();
    await rig.open();
    await rig.put(HOT);
    const reader = new Reader(rig, { updates: true });
    await rest();
    const before = rig.journal.appends;
    const points = (value: number, from: number) =>
      Array.from({ length: 2_000 }, (_, i) => ({ metric: "temp", source: `s${from + i}`, value }));
    for (let from = 0; from < 20_000; from += 2_000) {
      await rig.send(...points(85, from));
      await rest();
    }
    let [count, page] = [0, ""];
    do {
      const { alerts, nextPage } = await call(rig, Alerts.method.listAlerts, { limit: 7_000, page });
      [count, page] = [count + alerts.length, nextPage];
    } while (page !== "");
    expect(count).toBe(20_000);
    await rig.advance(1_000);
    for (let from = 0; from < 20_000; from += 2_000) {
      await rig.send(...points(70, from));
      await rest();
    }
    expect(reader.ended).toBe("");
    expect(reader.messages).toHaveLength(40_001);
    expect(new Set(reader.messages.map(({ cursor }) => cursor)).size).toBe(40_001);
    expect(rig.journal.count("alerts-cleared")).toBe(20_000);
    expect(rig.journal.appends - before).toBeLessThanOrEqual(250);
  });

  test("changes that are too large together are written apart", async () => {
    const { journal, subjects } = journalInFront();
    const { clock, told, write } = writerOver(journal);
    const payload = JSON.stringify("x".repeat(JOURNAL_QUEUE_BYTES_MAX / 500));
    for (let i = 0; i < 600; i++) write(String(i), payload);
    for (let i = 0; i < 20; i++) {
      await rest();
      clock.advance(1_000);
    }
    expect(subjects.join()).toBe(Array.from({ length: 600 }, (_, i) => String(i)).join());
    expect(told.every(({ position }) => position !== null)).toBe(true);
  });

  test("one change that can never be written keeps no other from it, and is said", async () => {
    const { journal, subjects } = journalInFront();
    const { clock, trouble, names, write } = writerOver(journal);
    write("a");
    write("huge", JSON.stringify("x".repeat(JOURNAL_QUEUE_BYTES_MAX)));
    write("b");
    for (let i = 0; i < 20; i++) {
      await rest();
      clock.advance(1_000);
    }
    expect(subjects).toEqual(["a", "b"]);
    expect(names()).toEqual(["a", "huge", "b"]);
    expect(trouble).not.toEqual([]);
  });
});
