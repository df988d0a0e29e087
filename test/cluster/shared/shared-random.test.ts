/**
 * Three nodes that all append, while they are cut off, closed and slow, and Redis is killed, emptied, stopped, trimmed and loses
 * answers: in the end all have the same, what was acknowledged is there once, and documents are what the entries make of them.
 */
import { expect, test } from "bun:test";
import type { JournalEntry } from "../../../src/model/journal.ts";
import { randomOf } from "../../support/random.ts";
import { hasRedis } from "../redis-server.ts";
import { lostAnswer } from "./faulty-redis.ts";
import { contentOf, GRACE_MS, SharedCluster, type SharedNode } from "./shared-rig.ts";

const [FIRST_SEED, SEEDS, STEPS] = [Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now(), 2, 20];
const IDS = ["a", "b", "c"];
const FAULTS = [
  "none",
  "cut",
  "mend",
  "close",
  "open",
  "empty",
  "kill",
  "stop",
  "trim",
  "slow",
  "lose",
  "find",
] as const;

interface Sent {
  readonly n: number;
  /** In the order of what happens here. */
  readonly begunAt: number;
  readonly ackedAt: number;
  readonly positions: readonly number[];
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  test.skipIf(!hasRedis)(
    `${STEPS} faults, seed ${seed}`,
    async () => {
      const random = randomOf(seed * 7_919);
      const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
      await using cluster = await SharedCluster.start();
      const control = await cluster.redis();
      for (const id of IDS) await cluster.open(id);
      const sent: Sent[] = [];
      const troubles: string[] = [];
      let [next, clock, isOver] = [0, 0, false];

      const write = async (writer: number) => {
        while (!isOver) {
          const node = cluster.nodes.get(IDS[writer % IDS.length]);
          const n = next++;
          const key = `k${n % 5}`;
          const events = Array.from({ length: n % 4 }, (_, part) => ({
            ...{ atMs: n, kind: "alert", subject: `s${n % 3}`, actor: `w${writer}` },
            payload: JSON.stringify({ n, part, key }),
          }));
          const begunAt = ++clock;
          const value =
            events.length === 0 ? [] : [{ collection: "alerts", key, sort: n, value: JSON.stringify({ n }) }];
          const changes = [...value, { collection: "token", key: `w${writer}`, sort: 0, value: String(n) }];
          await node?.journal.append(events, changes).then(
            (entries) =>
              sent.push({ n, begunAt, ackedAt: ++clock, positions: entries.map(({ position }) => position) }),
            () => {},
          );
          await sleep(Math.ceil(n % 7));
        }
      };
      const writing = Array.from({ length: 6 }, (_, writer) => write(writer));

      const close = async (node: SharedNode | undefined) => {
        if (node === undefined) return;
        await node.close();
        expect(node.errors).toEqual([]);
        troubles.push(...node.troubles);
      };
      const loseAnswers = (node: SharedNode) => {
        node.redis.onRun = async (_, run) => {
          if (random() < 0.3) throw lostAnswer();
          const reply = await run();
          if (random() < 0.3) throw lostAnswer();
          return reply;
        };
      };
      for (let step = 0; step < STEPS; step++) {
        const [fault, id] = [one(FAULTS), one(IDS)];
        const node = cluster.nodes.get(id);
        if (fault === "cut") node?.redis.cut();
        else if (fault === "mend") node?.redis.mend();
        else if (fault === "slow" && node !== undefined) node.redis.slowMs = one([0, 30, 200]);
        else if (fault === "lose" && node !== undefined) loseAnswers(node);
        else if (fault === "find" && node !== undefined) node.redis.onRun = (_, run) => run();
        else if (fault === "close" && cluster.nodes.size > 1) await close(node);
        else if (fault === "open" && node === undefined) await cluster.open(id, { isReady: false });
        else if (fault === "empty") await control.call("FLUSHALL").catch(() => {});
        else if (fault === "trim") await control.call("XTRIM", "{test}:journal", "MAXLEN", 1).catch(() => {});
        else if (fault === "kill") await cluster.server.restart();
        else if (fault === "stop") {
          cluster.server.pause();
          await sleep(one([50, 500, 2_200]));
          cluster.server.resume();
        }
        await sleep(one([0, 20, 100, GRACE_MS]));
      }

      for (const id of IDS) {
        const node = cluster.nodes.get(id) ?? (await cluster.open(id, { isReady: false }));
        node.redis.onRun = (_, run) => run();
        node.redis.slowMs = 0;
        node.redis.mend();
      }
      await cluster.settled();
      isOver = true;
      await Promise.all(writing);
      await cluster.settled();
      await control.close();

      const nodes = [...cluster.nodes.values()];
      const contents = await Promise.all(nodes.map(({ journal }) => contentOf(journal, ["alerts", "token"])));
      for (const content of contents) expect(content).toEqual(contents[0]);
      const [{ entries, documents }] = contents;
      const payloadOf = ({ payload }: JournalEntry) => JSON.parse(payload) as { n: number; part: number; key: string };
      const parts = entries.map((entry) => JSON.stringify(payloadOf(entry)));
      expect(parts.length).toBe(new Set(parts).size);

      const positionsOf = new Map<number, number[]>();
      for (const entry of entries) {
        const { n } = payloadOf(entry);
        positionsOf.set(n, [...(positionsOf.get(n) ?? []), entry.position]);
      }
      for (const { n, positions } of sent) expect([n, positionsOf.get(n)?.length ?? 0]).toEqual([n, positions.length]);
      for (const node of nodes) troubles.push(...node.troubles);
      const hasStrays = troubles.some((line) => line.includes("of this node alone"));
      if (!hasStrays) {
        for (const { n, positions } of sent) expect(positionsOf.get(n) ?? []).toEqual([...positions]);
        expectRealOrder(sent);
        const last = new Map(entries.map((entry) => [payloadOf(entry).key, payloadOf(entry).n]));
        const stand = documents.filter(({ collection }) => collection === "alerts");
        expect(new Map(stand.map(({ key, value }) => [key, JSON.parse(value).n]))).toEqual(last);
      }
      expect(sent.length).toBeGreaterThan(20);
    },
    120_000,
  );
}

/** What was acknowledged before another append began stands before it. */
function expectRealOrder(sent: readonly Sent[]): void {
  const appends = sent.filter(({ positions }) => positions.length > 0);
  const acked = appends.toSorted((one, other) => one.ackedAt - other.ackedAt);
  let [highest, i] = [0, 0];
  for (const { begunAt, positions } of appends.toSorted((one, other) => one.begunAt - other.begunAt)) {
    for (; i < acked.length && acked[i].ackedAt < begunAt; i++) highest = Math.max(highest, acked[i].positions.at(-1)!);
    expect(positions[0]).toBeGreaterThan(highest);
  }
}
