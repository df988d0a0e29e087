import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HoldingJournal, type HoldingDeps } from "../../../src/cluster/shared/holding-journal.ts";
import { HELD_COLLECTION, letGoOfHeld } from "../../../src/cluster/shared/held-pieces.ts";
import { readDeskRecord } from "../../../src/cluster/shared/desk-record.ts";
import { errorOf } from "../../../src/wire/call-error.ts";
import type { DocumentChange, JournalEvent } from "../../../src/model/journal.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { hasRedis } from "../redis-server.ts";
import { SharedCluster, until, type SharedNode } from "./shared-rig.ts";

const eventOf = (subject: string, kind = "alert"): JournalEvent => ({
  atMs: 1,
  kind,
  subject,
  actor: "",
  payload: "{}",
});
const put = (key: string, value: string | null): DocumentChange => ({ collection: "things", key, sort: 0, value });
const isTold = ({ kind }: JournalEvent) => kind === "delivery";

describe.skipIf(!hasRedis)("a journal that goes on while Redis is away", () => {
  let cluster: SharedCluster;
  let [a, b]: SharedNode[] = [];
  const opened: HoldingJournal[] = [];
  let overtaken = 0;

  beforeAll(async () => {
    cluster = await SharedCluster.start();
    a = await cluster.open("a");
    b = await cluster.open("b");
  });
  afterAll(async () => {
    for (const journal of opened) await journal.close();
    await cluster[Symbol.asyncDispose]();
  });

  async function open(node: SharedNode, own: MemoryJournal, { isAway = false, charsMax = 1e6 } = {}) {
    const shared = node.shared.journal();
    const deps: HoldingDeps = {
      ...{ shared, own, nodeId: node.id, redis: node.redis, clock: systemClock, isTold },
      trouble: () => node.shared.trouble,
      onOvertaken: () => overtaken++,
      onTrouble: (sentence) => node.troubles.push(sentence),
      onNews: () => {},
    };
    const journal = await HoldingJournal.open(deps, isAway, charsMax);
    opened.push(journal);
    return journal;
  }
  const back = async (node: SharedNode, ...journals: HoldingJournal[]) => {
    node.redis.mend();
    await until(() => node.shared.trouble === "" && journals.every(({ hasHeld }) => !hasHeld), "all is brought");
    await cluster.settled();
  };
  const subjects = async (prefix: string, node = b) =>
    (await node.journal.read({ after: 0, limit: 1_000 }))
      .map(({ subject }) => subject)
      .filter((s) => s.startsWith(prefix));
  const heldBy = async (own: MemoryJournal) =>
    (await own.documents({ collection: HELD_COLLECTION, limit: 100 })).length;

  test("holds on its own disk what it cannot write, reads it there, and brings it in order, once", async () => {
    const own = new MemoryJournal();
    const journal = await open(a, own);
    const positions: number[] = [];
    journal.followBrought((position) => positions.push(position));
    expect(await journal.append([eventOf("one-1")], [put("x", "1")])).toHaveLength(1);
    expect(journal.isHolding).toBe(false);
    a.redis.cut();
    expect(journal.isHolding).toBe(true);
    expect(await journal.append([eventOf("one-2")], [put("x", "2"), put("y", "1")])).toBeNull();
    expect(await journal.append([eventOf("one-3"), eventOf("one-4")], [put("y", null), put("z", "3")])).toBeNull();
    expect(await heldBy(own)).toBe(2);
    const values = async () => (await journal.documents({ collection: "things", limit: 9 })).map(({ value }) => value);
    expect(await values()).toEqual(["2", "3"]);
    expect((await journal.document("things", "x"))?.value).toBe("2");
    await back(a, journal);
    expect(await subjects("one")).toEqual(["one-1", "one-2", "one-3", "one-4"]);
    expect(positions.at(-1)).toBe((await b.journal.read({ after: 0, limit: 1, descending: true }))[0].position);
    expect(await values()).toEqual(["2", "3"]);
    await until(() => own.appends === 3, "it is no more on the disk");
    expect(await heldBy(own)).toBe(0);
    expect(await journal.append([eventOf("one-5")])).toHaveLength(1);
  });

  test("what was on its way when Redis went away is there once, whether it came or not", async () => {
    const own = new MemoryJournal();
    const journal = await open(a, own);
    for (const hasCome of [true, false]) {
      a.redis.onRun = async (script, run) => {
        if (script.name !== "append") return run();
        a.redis.onRun = (_, next) => next();
        if (hasCome) await run();
        a.redis.cut();
        return null;
      };
      const name = `two-${hasCome}`;
      expect(await journal.append([eventOf(`${name}-1`)])).toBeNull();
      expect(await journal.append([eventOf(`${name}-2`)])).toBeNull();
      await back(a, journal);
      expect(await subjects(name)).toEqual([`${name}-1`, `${name}-2`]);
    }
  });

  test("a run that ended while it held goes on with it, before Redis is there again, and brings nothing twice", async () => {
    const own = new MemoryJournal();
    const first = await open(a, own);
    a.redis.cut();
    await first.append([eventOf("three-1")], [put("w", "1")]);
    const killed = own.copy();
    await first.close();
    const second = await open(a, killed, { isAway: true });
    expect((await second.document("things", "w"))?.value).toBe("1");
    await second.append([eventOf("three-2")], [put("w", "2")]);
    // As after a kill between the one disk and the other.
    const notRemoved = killed.copy();
    await back(a, second);
    await second.close();
    const third = await open(a, notRemoved);
    expect(await subjects("three", a)).toEqual(["three-1", "three-2"]);
    expect(await heldBy(notRemoved)).toBe(0);
    expect((await third.document("things", "w"))?.value).toBe("2");
    // Killed while Redis is there: it is written before anything is read.
    const later = new MemoryJournal();
    const fourth = await open(a, later);
    a.redis.cut();
    await fourth.append([eventOf("three-3")]);
    const left = later.copy();
    await fourth.close();
    await back(a);
    await open(a, left);
    expect(await subjects("three", a)).toEqual(["three-1", "three-2", "three-3"]);
  });

  test("another desk meanwhile has the word: of what was held it is told what people were told", async () => {
    const own = new MemoryJournal();
    const journal = await open(a, own);
    a.redis.cut();
    await journal.append([eventOf("four-1")], [put("v", "1")]);
    await journal.append([eventOf("four-told", "delivery")]);
    await open(b, new MemoryJournal());
    const before = overtaken;
    a.redis.mend();
    await until(() => overtaken > before, "it hears of the other one");
    const refusal = await journal.append([eventOf("four-2")]).catch(errorOf);
    expect(refusal).toMatchObject({ status: "FAILED_PRECONDITION" });
    await until(() => a.shared.trouble === "", "a is there");
    for (let i = 0; i < 2; i++) await letGoOfHeld("a", own, a.journal, isTold);
    expect(await heldBy(own)).toBe(0);
    await cluster.settled();
    expect(await subjects("four")).toEqual(["four-told"]);
    expect(await b.journal.document("things", "v")).toBeUndefined();
    await open(a, own);
    expect(await readDeskRecord(a.journal)).toEqual({ nodeId: "a", brought: 0 });
  });

  test("takes no more than there is room for, and nothing that its own disk does not take", async () => {
    const own = new MemoryJournal();
    const journal = await open(a, own, { charsMax: 12 });
    a.redis.cut();
    expect(await journal.append([], [put("u", "12345678")])).toBeNull();
    const refusal = await journal.append([], [put("u", "1234")]).catch(errorOf);
    expect(refusal).toMatchObject({ status: "RESOURCE_EXHAUSTED" });
    own.failure = new Error("disk full");
    expect(await journal.append([eventOf("five-1")]).catch(String)).toContain("disk full");
    own.failure = null;
    await back(a, journal);
    expect(await subjects("five")).toEqual([]);
    expect((await b.journal.document("things", "u"))?.value).toBe("12345678");
  });
});

test("what was brought by a commit that was not answered is not brought again; nothing is where the desk has moved", async () => {
  const clock = new ManualClock();
  const away = new WatchpostError("UNAVAILABLE", "it is away");
  class Unanswered extends MemoryJournal {
    isAnswered = true;
    followChanges = () => () => {};

    override async append(...what: Parameters<MemoryJournal["append"]>) {
      const entries = await super.append(...what);
      if (!this.isAnswered) throw away;
      return entries;
    }
  }
  const shared = new Unanswered();
  const troubles: string[] = [];
  let [moves, isMoved] = [0, false];
  const own = new MemoryJournal();
  const journal = await HoldingJournal.open(
    {
      ...{ shared, own, nodeId: "a", redis: { follow: () => () => {} }, clock, isTold },
      trouble: () => (shared.failure === null || isMoved ? "" : shared.failure.message),
      onOvertaken: () => moves++,
      onTrouble: (sentence) => troubles.push(sentence),
      onNews() {},
    },
    false,
  );
  const subjects = () => shared.entries.map(({ subject }) => subject);
  const pass = async () => {
    clock.advance(1_000);
    await Bun.sleep(0);
  };
  shared.failure = away;
  for (const subject of ["1", "2"]) expect(await journal.append([eventOf(subject)])).toBeNull();
  shared.failure = null;
  shared.isAnswered = false;
  await pass();
  expect([subjects(), journal.hasHeld]).toEqual([["1", "2"], true]);
  shared.isAnswered = true;
  expect(await journal.append([eventOf("3")])).toBeNull();
  await pass();
  expect([subjects(), journal.hasHeld]).toEqual([["1", "2", "3"], false]);
  shared.failure = away;
  expect(await journal.append([eventOf("4")])).toBeNull();
  shared.failure = new WatchpostError("FAILED_PRECONDITION", "the desk has moved");
  isMoved = true;
  for (let i = 0; i < 3; i++) await pass();
  expect(await journal.append([eventOf("5")]).catch(errorOf)).toMatchObject({ status: "FAILED_PRECONDITION" });
  expect([moves, troubles, subjects()]).toEqual([1, [], ["1", "2", "3"]]);
  await journal.close();
});
