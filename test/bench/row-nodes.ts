/** Several nodes on one Redis: how soon a point is seen on another node than it was sent to, and what it costs to be one of several. */
import { hasRedis, startRedis, type RedisServer } from "../cluster/redis-server.ts";
import { killAtExit, removeDir, tempDir } from "./cleanup.ts";
import { HISTORY_STEP_US, historyStartUs, say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { BATCH_POINTS } from "./ingest-load.ts";
import { cpuSeconds, median, percentile } from "./measure.ts";
import type { ProbeConfig, ProbeResult } from "./push-probe.ts";
import { startChild } from "./sender-process.ts";
import type { SenderConfig, SenderResult } from "./sender.ts";
import { startWatchpost, type WatchpostServer } from "./server-process.ts";

const NODES = 3;
const SENDERS = 3;
/** Of each sender, by names of its own. */
const SERIES = 1_000;
const HISTORY_DAYS = 150;
const LOAD_RATE = 20_000;
/** Of its points, so many are sent before it is measured. */
const WARM_UP_PART = 3;
const READY_TRIES = 300;

export const nodesRow: BenchRow = {
  name: "nodes",
  about:
    "three nodes on one Redis: a point that one is sent until another one pushes it; ingest and its CPU by the number of nodes",
  async run({ quick, runs }: BenchOptions): Promise<Finding[]> {
    if (!hasRedis) return [];
    const quiet: ProbeResult[] = [];
    const busy: ProbeResult[] = [];
    const ingests = new Map<number, Ingest[]>();
    for (let run = 0; run < runs; run++) {
      await withNodes(NODES, async (cluster) => {
        quiet.push(await probe(cluster, quick ? 6_000 : 30_000, 0));
        busy.push(await probe(cluster, quick ? 6_000 : 30_000, LOAD_RATE));
      });
      say(`quiet: ${describe(quiet[run])}`);
      say(`${LOAD_RATE} points/s: ${describe(busy[run])}`);
      for (const nodes of [0, 1, 2, 3]) {
        const found = await withNodes(nodes, (cluster) => ingest(cluster, quick ? 600_000 : 5_000_000));
        ingests.set(nodes, [...(ingests.get(nodes) ?? []), found]);
        say(`${nodes === 0 ? "one without Redis" : `${nodes} with Redis`}: ${describeIngest(found)}`);
      }
    }
    const percentiles = (results: readonly ProbeResult[], of: number) =>
      results.map(({ pushMs }) => percentile(pushMs, of));
    const all = (nodes: number, get: (found: Ingest) => number) => ingests.get(nodes)!.map(get);
    const share = (nodes: number) => all(nodes, (f) => f.rate).map((rate, run) => rate / ingests.get(0)![run].rate);
    return [
      { what: "push on another node p50", unit: "ms", runs: percentiles(quiet, 50) },
      { what: "push on another node p99", unit: "ms", runs: percentiles(quiet, 99), bar: { sign: "≤", value: 20 } },
      { what: `the same at ${LOAD_RATE} points/s p50`, unit: "ms", runs: percentiles(busy, 50) },
      { what: `the same at ${LOAD_RATE} points/s p99`, unit: "ms", runs: percentiles(busy, 99) },
      { what: "one without Redis", unit: "M/s", runs: all(0, (f) => f.rate / 1e6) },
      { what: "one with Redis over one without", unit: "×", runs: share(1), bar: { sign: "≥", value: 0.4 } },
      { what: "three on this machine over one without", unit: "×", runs: share(3), bar: { sign: "≥", value: 0.4 } },
      { what: "CPU of one without Redis", unit: "s/M points", runs: all(0, (f) => f.deskCpu) },
      { what: "CPU of one with Redis", unit: "s/M points", runs: all(1, (f) => f.deskCpu) },
      ...[2, 3].flatMap((nodes): Finding[] => [
        {
          what: `CPU of each of ${nodes} but the desk, own points`,
          unit: "s/M points",
          runs: all(nodes, (f) => f.nodeCpu),
        },
        { what: `CPU of the desk of ${nodes}, all points`, unit: "s/M points", runs: all(nodes, (f) => f.deskCpu) },
        { what: `CPU of the Redis of ${nodes}, all points`, unit: "s/M points", runs: all(nodes, (f) => f.redisCpu) },
      ]),
    ];
  },
};

interface Cluster {
  /** The desk is the first one. */
  readonly nodes: readonly WatchpostServer[];
  readonly redis: RedisServer | undefined;
}

/** `count` 0: one node without Redis. */
async function withNodes<T>(count: number, run: (cluster: Cluster) => Promise<T>): Promise<T> {
  const redis = count === 0 ? undefined : await startRedis();
  if (redis !== undefined) killAtExit({ exitCode: null, kill: () => void redis.kill() });
  const dirs: string[] = [];
  const nodes: WatchpostServer[] = [];
  try {
    for (let i = 0; i < Math.max(count, 1); i++) {
      const data = tempDir("nodes");
      dirs.push(data);
      const env = redis && { WATCHPOST_REDIS_URL: redis.url, WATCHPOST_REDIS_NODE_NAME: `node-${i}` };
      nodes.push(await startWatchpost({ data, ...(env && { env }) }));
      // The first one is the desk before there is another one.
      if (redis !== undefined) await knows(nodes, i + 1);
    }
    return await run({ nodes, redis });
  } finally {
    for (const node of nodes.toReversed()) await node.stop();
    await redis?.[Symbol.asyncDispose]();
    dirs.forEach(removeDir);
    Bun.spawnSync(["sync"]);
  }
}

/** Until each of them lists so many nodes, and the first one as the desk. */
async function knows(nodes: readonly WatchpostServer[], count: number): Promise<void> {
  for (const { http } of nodes) {
    for (let tries = 0; ; tries++) {
      const headers = { "content-type": "application/json" };
      const url = `http://${http}/analytics.Nodes/ListNodes`;
      const response = await fetch(url, { method: "POST", headers, body: "{}" });
      const { nodes: listed = [] } = (await response.json()) as { nodes?: { name: string; isDesk?: boolean }[] };
      if (listed.length === count && listed.find(({ isDesk }) => isDesk)?.name === "node-0") break;
      if (tries === READY_TRIES)
        throw new Error(`${http} lists ${JSON.stringify(listed)}; wanted ${count}, node-0 the desk`);
      await Bun.sleep(100);
    }
  }
}

/** Points are sent to the second node and read on the third one, so that the desk is neither. */
async function probe({ nodes }: Cluster, durationMs: number, rate: number): Promise<ProbeResult> {
  const config: ProbeConfig = {
    ...{ address: nodes[1].grpc, readAddress: nodes[2].grpc },
    ...{ series: 5, everyMs: 90, durationMs },
  };
  const child = startChild<ProbeResult>("push-probe.ts", config);
  await child.ready;
  const sender =
    rate > 0 ? startChild<SenderResult>("sender.ts", liveLoad(nodes[1].grpc, rate, durationMs)) : undefined;
  await sender?.ready;
  sender?.go();
  child.go();
  const result = await child.result;
  await sender?.result;
  sender?.kill();
  return result;
}

function liveLoad(address: string, rate: number, durationMs: number): SenderConfig {
  return {
    ...{ kind: "stream", address, rate, durationMs, batchesInFlightMax: 100, seed: 1 },
    ...{ messagePoints: 1_000, seriesFrom: 0, seriesTo: SERIES },
    ...{ startUs: Date.now() * 1_000, stepUs: (SERIES / rate) * 1e6 },
  };
}

interface Ingest {
  /** Points a second of all nodes together. */
  readonly rate: number;
  /** All in CPU seconds for a million points: of those that were sent to the node, … */
  readonly nodeCpu: number;
  /** … and of all that were sent, for the desk hears of all of them. */
  readonly deskCpu: number;
  readonly redisCpu: number;
}

/** As many senders with as many series and points whatever the number of nodes, once all code has run for a while. */
async function ingest({ nodes, redis }: Cluster, points: number): Promise<Ingest> {
  await send(nodes, points / WARM_UP_PART, HISTORY_DAYS);
  const pids = [...nodes.map(({ pid }) => pid), ...(redis === undefined ? [] : [redis.pid])];
  const before = pids.map(cpuSeconds);
  const results = await send(nodes, points, HISTORY_DAYS / 2);
  const cpu = pids.map((pid, i) => cpuSeconds(pid) - before[i]);
  const own = nodes.map((_, node) =>
    results.reduce((sum, result, i) => sum + (i % nodes.length === node ? result.points : 0), 0),
  );
  const millions = own.reduce((sum, count) => sum + count, 0) / 1e6;
  return {
    rate: (millions * 1e6) / Math.max(...results.map(({ seconds }) => seconds)),
    nodeCpu: median(own.slice(1).map((count, i) => cpu[i + 1] / (count / 1e6))),
    deskCpu: cpu[0] / millions,
    redisCpu: redis === undefined ? 0 : cpu.at(-1)! / millions,
  };
}

/** Each sender so many points, to one node after the other. */
async function send(nodes: readonly WatchpostServer[], points: number, daysAgo: number): Promise<SenderResult[]> {
  const senders = Array.from({ length: SENDERS }, (_, i) =>
    startChild<SenderResult>("sender.ts", {
      ...{ kind: "upload", address: nodes[i % nodes.length].grpc, messagePoints: BATCH_POINTS, points },
      ...{ seriesFrom: i * SERIES, seriesTo: (i + 1) * SERIES, seed: i + 1 },
      ...{ startUs: historyStartUs(daysAgo), stepUs: HISTORY_STEP_US },
    } satisfies SenderConfig),
  );
  try {
    await Promise.all(senders.map(({ ready }) => ready));
    senders.forEach((sender) => sender.go());
    const results = await Promise.all(senders.map(({ result }) => result));
    const refused = results.reduce((sum, result) => sum + result.refused, 0);
    if (refused > 0) throw new Error(`${refused} of the points were refused; wanted none`);
    return results;
  } finally {
    senders.forEach((sender) => sender.kill());
  }
}

function describe({ sent, pushMs, ackMs }: ProbeResult): string {
  const of = (samples: readonly number[]) =>
    `p50 ${percentile(samples, 50).toFixed(2)}, p99 ${percentile(samples, 99).toFixed(2)}, max ${percentile(samples, 100).toFixed(2)} ms`;
  return `${sent} points, ${pushMs.length} pushed by themselves: ${of(pushMs)}; acks ${of(ackMs)}`;
}

function describeIngest({ rate, nodeCpu, deskCpu, redisCpu }: Ingest): string {
  const node = Number.isNaN(nodeCpu) ? "" : `, each other node ${nodeCpu.toFixed(3)} for its own`;
  return `${(rate / 1e6).toFixed(2)} M points/s; CPU s/M: the desk ${deskCpu.toFixed(3)}, Redis ${redisCpu.toFixed(3)}${node}`;
}
