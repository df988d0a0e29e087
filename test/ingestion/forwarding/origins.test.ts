/** The ledger of nodes that forward, over a journal in memory. */
import { expect, test } from "bun:test";
import { NOTHING_DELIVERED, type DeliveredBySource } from "../../../src/ingestion/forwarding/delivered.ts";
import { Origins, type Hello, type OriginStream } from "../../../src/ingestion/forwarding/origins.ts";
import type { DocumentChange, JournalEvent } from "../../../src/model/journal.ts";
import type { SequenceRanges } from "../../../src/model/sequence-ranges.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

/** Appends wait while `held`. */
class HeldJournal extends MemoryJournal {
  held: PromiseWithResolvers<void> | undefined;

  override async append(events: readonly JournalEvent[], changes: readonly DocumentChange[] = []) {
    await this.held?.promise;
    return super.append(events, changes);
  }
}

const clock = new ManualClock();

function hello(change: Partial<Hello> = {}): Hello {
  return {
    ...{ originId: "edge-1", originName: "Hall 3", lane: "live", session: 1, sinceSession: 1, behind: [], runs: [] },
    ...change,
  };
}

function stream({ lane, session } = hello()): OriginStream {
  return { lane, session, isOver: false, end() {}, settled: Promise.resolve() };
}

function delivered(points: Record<string, number>): DeliveredBySource {
  return new Map(Object.entries(points).map(([source, count]) => [source, { ...NOTHING_DELIVERED, points: count }]));
}

/** What a restart would find. */
async function kept(journal: MemoryJournal) {
  const origins = await new Origins(journal, clock).all();
  return origins.map(({ id, session, committed, delivered }) => ({
    ...{ id, session, committed },
    points: Object.fromEntries([...delivered].map(([source, { points }]) => [source, points])),
  }));
}

function everySecond(count: number, from = 0): SequenceRanges {
  return Array.from({ length: count }, (_, i) => [from + 2 * i, from + 2 * i + 1]);
}

test("gaps are bounded: what would make more is refused by name, what closes them is taken", async () => {
  const journal = new MemoryJournal();
  const origins = new Origins(journal, clock, { rangesEach: 4 });
  const origin = await origins.enter(hello(), stream());
  await origins.commit(origin, everySecond(4), new Map());
  const another = origins.commit(origin, [[20, 21]], delivered({ gw: 1 }));
  another.catch(() => {});
  await expect(another).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  await expect(another).rejects.toThrow('node "Hall 3" (edge-1) has sent more than 4 ranges of sequences');
  await expect(another).rejects.toThrow("watchpost upstream forget edge-1");
  await origins.commit(origin, [[7, 8]], delivered({ gw: 2 }));
  // One gap goes, another comes.
  await origins.commit(
    origin,
    [
      [1, 2],
      [30, 31],
    ],
    new Map(),
  );
  const committed: SequenceRanges = [
    [0, 3],
    [4, 5],
    [6, 8],
    [30, 31],
  ];
  expect(await kept(journal)).toEqual([{ id: "edge-1", session: 1, committed, points: { gw: 2 } }]);
  await origins.commit(origin, [[3, 30]], new Map());
  expect(origin.committed).toEqual([[0, 31]]);
});

test("gaps of all nodes together are bounded, and so are their sources: what is past it is counted together", async () => {
  const journal = new MemoryJournal();
  const origins = new Origins(journal, clock, { ranges: 5, sources: 3 });
  const one = await origins.enter(hello(), stream());
  const two = await origins.enter(hello({ originId: "edge-2" }), stream());
  await origins.commit(one, everySecond(3), delivered({ a: 1, b: 1 }));
  await origins.commit(two, everySecond(2), delivered({ a: 2, b: 3, c: 4 }));
  await expect(origins.commit(two, [[9, 10]], new Map())).rejects.toThrow("ranges of 5 in all nodes'");
  await origins.commit(one, [], delivered({ b: 5, c: 6, d: 7 }));
  expect((await kept(journal)).map(({ points }) => points)).toEqual([
    { a: 1, b: 6, "(others)": 13 },
    { a: 2, "(others)": 7 },
  ]);
});

test("counts stop where the wire cannot tell more", async () => {
  const origins = new Origins(new MemoryJournal(), clock);
  const origin = await origins.enter(hello(), stream());
  for (let i = 0; i < 3; i++) await origins.commit(origin, [], delivered({ gw: Number.MAX_SAFE_INTEGER }));
  expect(origin.delivered.get("gw")?.points).toBe(Number.MAX_SAFE_INTEGER);
});

test("the ledger says what the journal has: a commit that failed has changed nothing, and is made anew", async () => {
  const journal = new MemoryJournal();
  const origins = new Origins(journal, clock);
  const origin = await origins.enter(hello(), stream());
  journal.failure = new Error("disk is gone");
  await expect(origins.commit(origin, [[1, 2]], delivered({ gw: 3 }))).rejects.toThrow("disk is gone");
  await expect(origins.enter(hello({ behind: ["line-1"] }), stream())).rejects.toThrow("disk is gone");
  await Bun.sleep(0);
  expect([origin.committed, origin.delivered.size, origin.behind]).toEqual([[], 0, []]);
  journal.failure = null;
  await origins.enter(hello({ behind: ["line-1"] }), stream());
  await origins.commit(origin, [[1, 2]], delivered({ gw: 3 }));
  expect(await kept(journal)).toEqual([{ id: "edge-1", session: 1, committed: [[1, 2]], points: { gw: 3 } }]);
  expect(await new Origins(journal, clock).behind()).toEqual(["edge-1", "line-1"]);
});

test("commits of both lanes and a new stream meanwhile lose nothing of each other", async () => {
  const journal = new HeldJournal();
  const origins = new Origins(journal, clock);
  const origin = await origins.enter(hello(), stream());
  journal.held = Promise.withResolvers();
  const commits = [
    origins.commit(origin, [[5, 6]], delivered({ gw: 1, a: 1 })),
    origins.commit(origin, [[1, 3]], delivered({ gw: 2, b: 1 })),
    origins.enter(hello({ session: 2 }), stream()),
  ];
  await Bun.sleep(0);
  expect(origin.committed).toEqual([]);
  journal.held.resolve();
  await Promise.all(commits);
  const committed: SequenceRanges = [
    [1, 3],
    [5, 6],
  ];
  expect(origin.committed).toEqual(committed);
  expect(await kept(journal)).toEqual([
    { id: "edge-1", session: 2, committed, points: { a: 1, b: 1, gw: 3 } } as never,
  ]);
});

test("which nodes are behind an origin is written where it changes, and bounded over all of them", async () => {
  const journal = new MemoryJournal();
  const origins = new Origins(journal, clock);
  const written: string[] = [];
  const append = journal.append.bind(journal);
  journal.append = async (events, changes = []) => {
    written.push(...changes.map(({ collection }) => collection));
    return append(events, changes);
  };
  const many = Array.from({ length: 60_000 }, (_, i) => `line-${i}`);
  await origins.enter(hello({ behind: many }), stream());
  await origins.enter(hello({ behind: [...many], lane: "backlog" }), stream());
  expect(written).toEqual(["forwarding.origin", "forwarding.behind", "forwarding.origin"]);
  const more = origins.enter(hello({ originId: "edge-2", originName: "Hall 4", behind: many }), stream());
  await expect(more).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  expect((await origins.all()).map(({ id }) => id)).toEqual(["edge-1"]);
  await expect(more).rejects.toThrow('node "Hall 4" (edge-2) gets points from 60000 nodes');
  await origins.enter(hello({ behind: ["line-1"], session: 2 }), stream());
  await origins.enter(hello({ originId: "edge-2", behind: many }), stream());
});

/** Each began with the sequence ten behind the one before. */
const runsOf = (...ids: string[]) => ids.map((id, i) => ({ id, firstSeq: 10 * i }));

test("a node whose process sent more than there was when the next one began was rolled back", async () => {
  const origins = new Origins(new MemoryJournal(), clock);
  const origin = await origins.enter(hello({ runs: runsOf("a") }), stream());
  await origins.commit(origin, [[0, 11]], new Map());
  const rolledBack = origins.enter(hello({ runs: runsOf("a", "b", "c"), session: 2 }), stream());
  await expect(rolledBack).rejects.toMatchObject({ status: "ALREADY_EXISTS" });
  await expect(rolledBack).rejects.toThrow("sequences up to 11 came of its run a, and the next one began with 10");
  const runs = [...runsOf("a"), { id: "b", firstSeq: 11 }];
  await origins.enter(hello({ runs, session: 2 }), stream());
});

test("a node that does not know the process that was heard last is another one with its data, also after a restart", async () => {
  const journal = new MemoryJournal();
  let origins = new Origins(journal, clock);
  await origins.enter(hello({ runs: runsOf("a") }), stream());
  await origins.enter(hello({ runs: runsOf("a", "b"), session: 2 }), stream());
  origins = new Origins(journal, clock);
  const copy = origins.enter(hello({ runs: runsOf("a", "c"), session: 3 }), stream());
  await expect(copy).rejects.toMatchObject({ status: "ALREADY_EXISTS" });
  await expect(copy).rejects.toThrow("run b was heard last, which is none of its; was its data directory copied");
  await origins.enter(hello({ runs: runsOf("a", "b", "d"), session: 3 }), stream());
  // Those of versions that do not tell are judged by their sessions alone.
  await origins.enter(hello({ session: 4 }), stream());
  await origins.enter(hello({ runs: runsOf("e"), session: 5 }), stream());
});

test("a stream that ended while it was let in is not among those of its node", async () => {
  const origins = new Origins(new MemoryJournal(), clock);
  await expect(origins.enter(hello(), { ...stream(), isOver: true })).rejects.toMatchObject({ status: "CANCELLED" });
  expect(await origins.all()).toEqual([]);
});

test("a node is forgotten by its id, or by a name that no other has, with all that was kept of it", async () => {
  const journal = new MemoryJournal();
  const origins = new Origins(journal, clock);
  const entered = stream();
  const origin = await origins.enter(hello({ behind: ["line-1"] }), entered);
  await origins.commit(origin, [[1, 2]], delivered({ gw: 1, gw2: 2 }));
  await origins.enter(hello({ originId: "edge-2", originName: "Hall 4", behind: ["edge-1", "line-2"] }), stream());
  await origins.enter(hello({ originId: "edge-3", originName: "Hall 4" }), stream());

  expect(await origins.find("edge-1")).toBe(origin);
  expect(await origins.find("Hall 3")).toBe(origin);
  await expect(origins.find("Hall 4")).rejects.toThrow(
    'origin is "Hall 4"; wanted the id of one of the nodes that are called so: "Hall 4" (edge-2), "Hall 4" (edge-3)',
  );
  await expect(origins.find("line-2")).rejects.toThrow(
    'node line-2 has not forwarded to this one; its points come over "Hall 4" (edge-2): forget it there',
  );
  await expect(origins.find("Hall 5")).rejects.toThrow('there are: "Hall 3" (edge-1), "Hall 4" (edge-2)');

  await expect(origins.forget(origin)).rejects.toThrow('node "Hall 3" (edge-1) is connected');
  origins.leave("edge-1", entered);
  journal.failure = new Error("disk is gone");
  await expect(origins.forget(origin)).rejects.toThrow("disk is gone");
  expect(await origins.find("Hall 3")).toBe(origin);
  journal.failure = null;
  await origins.forget(origin);
  expect((await origins.over("edge-1")).map(({ id }) => id)).toEqual(["edge-2"]);
  expect((await kept(journal)).map(({ id }) => id)).toEqual(["edge-2", "edge-3"]);
  expect([journal.count("forwarding.source"), journal.count("forwarding.behind")]).toEqual([0, 1]);

  const again = await origins.enter(hello(), stream());
  expect([again.committed, again.delivered.size]).toEqual([[], 0]);
});

test("a node that comes back while it is being forgotten is told to connect again, and begins anew", async () => {
  const journal = new HeldJournal();
  const origins = new Origins(journal, clock);
  const entered = stream();
  const origin = await origins.enter(hello(), entered);
  origins.leave("edge-1", entered);
  journal.held = Promise.withResolvers();
  const forgetting = origins.forget(origin);
  const again = origins.enter(hello({ session: 2 }), stream());
  again.catch(() => {});
  await Bun.sleep(0);
  journal.held.resolve();
  await forgetting;
  await expect(again).rejects.toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 1_000 });
  expect(await kept(journal)).toEqual([]);
  await origins.enter(hello({ session: 1 }), stream());
  expect(await kept(journal)).toMatchObject([{ id: "edge-1", session: 1 }]);
});

test("counts of sources are written with their origin, and once a minute by themselves, and are what they were after a restart", async () => {
  const journal = new MemoryJournal();
  const own = new ManualClock();
  let origins = new Origins(journal, own);
  let origin = await origins.enter(hello(), stream());
  const restart = async () => {
    origins = new Origins(journal, own);
    origin = await origins.enter(hello(), stream());
  };
  const written = () => journal.count("forwarding.source");
  await origins.commit(origin, [[0, 1]], delivered({ a: 1, b: 1 }));
  own.advance(59_000);
  await origins.commit(origin, [[1, 2]], delivered({ a: 1 }));
  expect(written()).toBe(0);
  await restart();
  await origins.commit(origin, [[2, 3]], delivered({ c: 1 }));
  expect([written(), (await kept(journal))[0].points]).toEqual([0, { a: 2, b: 1, c: 1 }]);
  own.advance(60_000);
  journal.failure = new Error("disk is gone");
  await expect(origins.commit(origin, [[3, 4]], delivered({ a: 1 }))).rejects.toThrow("disk is gone");
  journal.failure = null;
  await origins.commit(origin, [[3, 4]], delivered({ a: 1 }));
  expect(written()).toBe(3);
  await origins.commit(origin, [[4, 5]], delivered({ b: 1 }));
  await restart();
  expect((await kept(journal))[0].points).toEqual({ a: 3, b: 2, c: 1 });
  expect([...origin.recent]).toEqual(["b"]);
});

test("ledgers of many sources wait for each other instead of filling the journal's queue", async () => {
  const journal = new HeldJournal();
  const origins = new Origins(journal, clock);
  const ids = Array.from({ length: 12 }, (_, i) => `edge-${i}`);
  const all = await Promise.all(ids.map((originId) => origins.enter(hello({ originId }), stream())));
  clock.advance(60_000);
  let [rows, rowsMax, small] = [0, 0, 0];
  const append = journal.append.bind(journal);
  journal.append = async (events, changes = []) => {
    rows += changes.length;
    rowsMax = Math.max(rowsMax, rows);
    try {
      await Bun.sleep(1);
      return await append(events, changes);
    } finally {
      rows -= changes.length;
    }
  };
  const many = delivered(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`gw-${i}`, 1])));
  const larger = delivered(Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`gw-${i}`, 1])));
  await Promise.all([
    ...all.slice(0, 6).map((origin) => origins.commit(origin, [[0, 1]], many)),
    origins.commit(all[6], [[0, 1]], larger),
    ...all.slice(7).map((origin) => origins.commit(origin, [[0, 1]], delivered({ gw: 1 })).then(() => small++)),
  ]);
  expect([rowsMax, small]).toEqual([4_001, 5]);
  const sources = (await kept(journal)).map(({ points }) => Object.keys(points).length);
  expect(sources.sort((a, b) => b - a)).toEqual([4_000, ...Array(6).fill(1_000), ...Array(5).fill(1)]);
});
