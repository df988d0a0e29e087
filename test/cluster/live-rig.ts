/** A node as far as live frames go, in this process. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { openLive, type Live } from "../../src/cluster/live/open-live.ts";
import { WantedShards } from "../../src/cluster/live/wanted-shards.ts";
import { Members, type RememberedNode } from "../../src/cluster/members.ts";
import { openRedis } from "../../src/cluster/redis/open-redis.ts";
import { parseRedisUrl } from "../../src/cluster/redis/redis-url.ts";
import type { Frame } from "../../src/model/frame.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { compileMatcher } from "../../src/model/matcher.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { LiveExchangeSchema } from "../../src/wire/gen/nodes_pb.ts";
import { until } from "./until.ts";

/** Calls between nodes in this process, by address. */
export type Network = Map<string, Pick<Live, "exchange">>;

/** What it commits, and what it hears of others. `url`: of the Redis. `network`: how nodes reach each other without it. */
export async function joinLive(
  url: string,
  nodeId: string,
  {
    seriesMax = 1_000_000,
    remembered = () => [],
    network = new Map(),
  }: { seriesMax?: number; remembered?: () => RememberedNode[]; network?: Network } = {},
) {
  const opening = new AsyncDisposableStack();
  const redis = openRedis(parseRedisUrl(url)!, { clock: systemClock, name: nodeId });
  opening.defer(() => redis.close());
  await until("Redis is up", () => redis.isUp);
  const registry = new SeriesRegistry({ seriesMax, seriesPerSourceMax: seriesMax });
  const bus = new MemoryBus((error) => {
    throw error;
  });
  const startedAtMs = Date.now();
  const wanted = new WantedShards(() => {
    void members.announce();
    live.wantedChanged();
  });
  const self = () => ({ nodeId, address: nodeId, startedAtMs: BigInt(startedAtMs), wantedShards: wanted.bits });
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const members = await Members.open({ redis, clock: systemClock, prefix: "t", self, remembered, onTrouble });
  opening.defer(() => members.close());
  const latest = new Map<number, { timeUs: number; value: number }>();
  const heard: string[] = [];
  const counts = { sent: 0, received: 0, leftOut: 0, gaps: 0, noRoom: 0, lines: 0 };
  const hearing: boolean[] = [];
  const keep = ({ count, seriesIds, timesUs, values }: Frame) => {
    for (let i = 0; i < count; i++) latest.set(seriesIds[i], { timeUs: timesUs[i], value: values[i] });
  };
  bus.subscribe(keep);
  const live = await openLive(
    {
      ...{ redis, clock: systemClock, registry, bus, members, wanted, prefix: "t", nodeId, startedAtMs, onTrouble },
      own: new Uint32Array(0),
      valueOf: (id) => latest.get(id),
      publish(frame) {
        const before = new Map(latest);
        for (let i = 0; i < frame.count; i++) {
          const id = frame.seriesIds[i];
          // As latest values take them: nothing older, and nothing twice.
          if (frame.timesUs[i] <= (before.get(id)?.timeUs ?? -1)) continue;
          latest.set(id, { timeUs: frame.timesUs[i], value: frame.values[i] });
          heard.push(`${registry.keyOf(id)} ${frame.values[i]}`);
        }
      },
      onSent: (points) => void (counts.sent += points),
      onReceived: (points) => void (counts.received += points),
      onLeftOut: (points) => void (counts.leftOut += points),
      onGap: () => void counts.gaps++,
      onNoRoom: (series) => void (counts.noRoom += series),
      peers: { bidi: (address, _, requests, { signal }) => called(network, address, requests, signal) },
      reachable: () => members.live.filter((record) => record.nodeId !== nodeId),
      onHearing: (hearsAll) => void hearing.push(hearsAll),
      onLines: (count) => void (counts.lines = count),
    },
    opening,
  );
  network.set(nodeId, live);
  let seq = 0;
  const commit = (...points: (readonly [metric: string, timeUs: number, value: number])[]) => {
    const ids = points.map(([metric]) => {
      const key = seriesKey(metric, nodeId, []);
      return (registry.idOf(key) ?? registry.add(key, nodeId)) as number;
    });
    bus.publish({
      ...{ seq: ++seq, arrivalMs: Date.now(), count: points.length, seriesIds: Uint32Array.from(ids) },
      timesUs: Float64Array.from(points, ([, timeUs]) => timeUs),
      values: Float64Array.from(points, ([, , value]) => value),
    });
  };
  const valueOf = (metric: string, source: string) =>
    latest.get(registry.idOf(seriesKey(metric, source, [])) ?? -1)?.value;
  const ids = () => members.live.map((each) => each.nodeId).join();
  const want = (...metrics: string[]) => wanted.want(compileMatcher(metrics, {}));
  return {
    ...{ redis, registry, members, ids, heard, hearing, counts, commit, valueOf, want, troubles, live },
    [Symbol.asyncDispose]: () => opening.disposeAsync(),
  };
}

/** ExchangeLive of the node at an address. */
async function* called(
  network: Network,
  address: string,
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const node = network.get(address);
  if (node === undefined) throw new WatchpostError("UNAVAILABLE", `the node at ${address} does not answer`);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new WatchpostError("CANCELLED", "cancelled")), { once: true });
  });
  aborted.catch(() => {});
  const messages = async function* () {
    const source = requests[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([source.next(), aborted]);
      if (next.done === true) return;
      yield fromBinary(LiveExchangeSchema, next.value);
    }
  };
  const answers = node.exchange(messages())[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([answers.next(), aborted]);
    if (next.done === true) return;
    yield toBinary(LiveExchangeSchema, create(LiveExchangeSchema, next.value));
  }
}
