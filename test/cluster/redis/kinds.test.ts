/**
 * What nodes need of a Redis, held against each kind of it while it is in trouble of its own: a server that comes back empty, a
 * Redis Cluster whose slots move and one of whose shards dies, and a master that a sentinel puts another one in the place of.
 */
import { describe, expect, test } from "bun:test";
import { DeskLease } from "../../../src/cluster/desk-lease.ts";
import { clusterRange } from "../../../src/cluster/history/cluster-range.ts";
import { SHARDS } from "../../../src/model/metric-shard.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { changeOf, eventOf, upTo } from "../../log/journal-rig.ts";
import { openNodes } from "../history/nodes-rig.ts";
import { joinLive } from "../live-rig.ts";
import { down, openRecentOn } from "../recent/recent-rig.ts";
import { startRedisCluster, startWatchedRedis } from "../redis-kinds.ts";
import { hasRedis, startRedis, valkey } from "../redis-server.ts";
import { contentOf, SharedCluster, type SharedNode } from "../shared/shared-rig.ts";
import { until } from "../until.ts";

interface Kind extends AsyncDisposable {
  readonly url: string;
  /** One after the other, while nodes run. */
  readonly troubles: readonly (readonly [name: string, run: () => Promise<void>])[];
}

async function one(program?: string): Promise<Kind> {
  const server = await startRedis([], program);
  return {
    url: server.url,
    troubles: [["it comes back empty", () => server.restart()]],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function cluster(): Promise<Kind> {
  const redis = await startRedisCluster();
  const moved = async () => {
    // Of the journal, members and the lease; and of live frames.
    expect(await redis.moveSlotOf("{test}")).toBeGreaterThan(0);
    for (let shard = 0; shard < SHARDS; shard += 16) await redis.moveSlotOf(`{t:${shard}}`);
    await redis.moveSlotOf("{t}");
  };
  return {
    url: redis.url,
    troubles: [
      ["slots move", moved],
      ["a shard comes back empty", () => redis.shards[1].restart()],
    ],
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

async function watched(): Promise<Kind> {
  const redis = await startWatchedRedis();
  const failover = async () => {
    // It keeps its connections, so that only its silence tells.
    redis.master.pause();
    await until("the sentinel has made the replica the master", () => redis.isReplicaMaster());
  };
  return {
    url: redis.url,
    troubles: [["the replica takes over", failover]],
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

const KINDS = { "redis-server": () => one(), "Redis Cluster": cluster, Sentinel: watched } as const;
if (valkey === null) console.log("skipped: valkey-server is not installed");
const kinds = [...Object.entries(KINDS), ...(valkey === null ? [] : [["valkey-server", () => one(valkey!)] as const])];
const METRICS = upTo(40).map((n) => `metric_${n}`);

describe.skipIf(!hasRedis)("a Redis of each kind", () => {
  test.each(kinds)(
    "%s: journal, lease, members, live and newest values and the recent window go on over its troubles",
    async (_, start) => {
      await using redis = await start();
      await using shared = SharedCluster.on(redis.url);
      const nodes = [await shared.open("a"), await shared.open("b")];
      await using a = await joinLive(redis.url, "a");
      await using b = await joinLive(redis.url, "b");
      b.want("*");
      const leases = [a, b].map(({ redis: own }, i) => {
        const tell = () => {};
        const deps = {
          redis: own,
          clock: systemClock,
          prefix: "t",
          nodeId: "ab"[i],
          ttlMs: 1_000,
          mayTake: () => true,
        };
        return new DeskLease({ ...deps, onTaken: tell, onLost: tell, onTrouble: tell });
      });
      await using stack = new AsyncDisposableStack();
      for (const lease of leases) stack.defer(() => lease.close());

      let appended = 0;
      /** Again until it is taken, as those do who are told UNAVAILABLE. */
      const append = (node: SharedNode) => {
        const n = appended++;
        return until(`${n} is in the journal`, () =>
          node.journal.append([eventOf(n)], [changeOf(`k${n % 5}`, n)]).then(
            () => true,
            () => false,
          ),
        );
      };
      await using recent = await openRecentOn(redis.url);
      using stores = openNodes([METRICS.keys(), METRICS.keys()].map((all) => [...all]));
      const { writer } = recent.writer(stores, 1);
      stack.defer(() => writer.close());
      down(stores, [1]);
      /** What Redis has of node 1, which is down, of a time. */
      const inWindow = async (timeUs: number) => {
        const [{ history, ids: seriesIds }] = stores.nodes;
        const query = { fromUs: timeUs, toUs: timeUs + 1, stepUs: 0, pointsMax: 1_000, seriesIds };
        return (await clusterRange({ ...history, recent: recent.reader(stores, 0) }, query)).values.length;
      };

      let [round, committed] = [0, 0];
      const works = async (when: string) => {
        await Promise.all(upTo(6).map((n) => append(nodes[n % 2])));
        await shared.settled();
        await until(`one node is the desk ${when}`, () => leases.filter(({ isCertain }) => isCertain).length === 1);
        await until(`both know both ${when}`, () => [a, b].every(({ ids }) => ids() === "a,b"));
        round++;
        // What was published while nobody heard it comes with the newest values.
        a.commit(...METRICS.map((metric) => [metric, round * 1_000, round] as const));
        const has = () => METRICS.filter((metric) => b.valueOf(metric, "a") === round).length;
        await until(`b has the newest values ${when}`, () => has() === METRICS.length).catch((error: unknown) => {
          throw new Error(
            `${String(error)}: ${has()} of ${METRICS.length}; ${a.troubles.join("; ")}; ${b.troubles.join("; ")}`,
          );
        });
        stores.write(
          1,
          METRICS.map((__, series) => [series, round, round] as const),
        );
        recent.clock.advance(400_000);
        await until(`the window has what came ${when}`, async () => {
          await writer.write();
          return (await inWindow(round)) === METRICS.length;
        });
        const before = b.heard.length;
        const frames = upTo(5).map((n) => METRICS.map((metric) => [metric, round * 1_000 + 1 + n, n / 8] as const));
        for (const frame of frames) a.commit(...frame);
        committed += METRICS.length * (1 + frames.length);
        const all = METRICS.flatMap((metric) => frames.map((_, n) => `${seriesKey(metric, "a", [])} ${n / 8}`)).sort();
        await until(`b has heard all frames ${when}`, () => b.heard.length - before >= all.length);
        expect(b.heard.slice(before).sort()).toEqual(all);
      };
      await works("in the beginning");
      for (const [name, run] of redis.troubles) {
        const during = append(nodes[0]);
        await run();
        await during;
        await until(`all reach it after ${name}`, () => [a, b, ...nodes].every(({ redis: own }) => own.isUp));
        await works(`after ${name}`);
      }
      await using c = await joinLive(redis.url, "c");
      c.want("*");
      await until("who comes later has the newest values", () =>
        METRICS.every((metric) => c.valueOf(metric, "a") === 0.5),
      );
      // No frame came twice.
      expect(b.counts.received).toBeLessThanOrEqual(committed);
      const [first, second] = await Promise.all(nodes.map(({ journal }) => contentOf(journal, ["alerts"])));
      expect(second).toEqual(first);
      const numbers = first.entries.map(({ payload }) => (JSON.parse(payload) as { n: number }).n);
      for (const n of upTo(appended)) expect(numbers).toContain(n);
    },
    120_000,
  );
});
