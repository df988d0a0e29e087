/** What is heard live between nodes: names of series, latest values and frames, over Redis and without it. */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../model/clock.ts";
import type { Frame } from "../../model/frame.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { LiveExchange, NodeRecord } from "../../wire/gen/nodes_pb.ts";
import type { Members } from "../members.ts";
import type { Peers } from "../peers/peers.ts";
import type { Redis } from "../redis/redis.ts";
import { FramePublisher } from "./frame-publisher.ts";
import { FrameReceiver } from "./frame-receiver.ts";
import { forgetLatest, LatestWriter } from "./latest-values.ts";
import { newestFrames } from "./newest-frames.ts";
import { SeriesNames } from "./series-names.ts";
import { StraightFrames } from "./straight-frames.ts";
import type { ExchangeInit } from "./straight-line.ts";
import { shardsIn, type WantedShards } from "./wanted-shards.ts";

export interface LiveDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly registry: SeriesRegistry;
  /** Of what this node commits. */
  readonly bus: Bus;
  readonly members: Members;
  readonly peers: Pick<Peers, "bidi">;
  /** Nodes that live and can be reached, this one left out. */
  reachable(): readonly NodeRecord[];
  readonly wanted: WantedShards;
  readonly prefix: string;
  readonly nodeId: string;
  readonly startedAtMs: number;
  /** Series that have points on this node. */
  readonly own: Uint32Array;
  valueOf(seriesId: number): { readonly timeUs: number; readonly value: number } | undefined;
  /** To be called with what other nodes commit. */
  publish(frame: Frame): void;
  onSent(points: number, bytes: number): void;
  onReceived(points: number): void;
  onLeftOut(points: number): void;
  onGap(nodeId: string): void;
  onNoRoom(series: number): void;
  /** Whether what comes to other nodes is heard here now, or would be if there were some. */
  onHearing(hearsAll: boolean): void;
  /** There are so many straight lines to other nodes. */
  onLines(count: number): void;
  onTrouble(sentence: string): void;
}

const NOTHING = new Uint8Array(0);

export interface Live {
  readonly names: SeriesNames;
  /** {@link WantedShards} says something else now. */
  wantedChanged(): void;
  /** A line that another node opens which has no Redis. */
  exchange(messages: AsyncIterable<LiveExchange>): AsyncIterable<ExchangeInit>;
  /** There is no such node any more. Rejects where Redis does not hear of it. */
  forget(nodeId: string): Promise<void>;
}

/** `opening` closes what was opened. */
export async function openLive(deps: LiveDeps, opening: AsyncDisposableStack): Promise<Live> {
  const { members, wanted, own, nodeId } = deps;
  const others = () => members.known.map(({ record }) => record.nodeId).filter((id) => id !== nodeId);
  let publisher: FramePublisher | undefined;
  let receiver: FrameReceiver | undefined;
  const onWriting = () => publisher?.writing() ?? (() => {});
  const latest = new LatestWriter({ ...deps, onWriting }, own);
  opening.defer(() => latest.close());
  const onNamed = (of: string) => receiver?.named(of);
  const onEmptied = () => latest.again(names.own);
  const onOutdated = (seriesIds: Iterable<number>) => latest.anew(seriesIds);
  const isLive = (of: string) => members.live.some((node) => node.nodeId === of);
  const told = { onNamed, onLeftOut: deps.onNoRoom, onEmptied, onOutdated };
  const names: SeriesNames = await SeriesNames.open({ ...deps, ...told, others, isLive }, own);
  opening.defer(() => names.close());

  const wants = () => new Map(othersIn(members, nodeId).map(({ nodeId: id, wantedShards }) => [id, wantedShards]));
  let wantedBy = wants();
  let wantedByOthers = shardsIn([...wantedBy.values()]);
  opening.defer(
    members.follow(() => {
      const before = wantedBy;
      wantedBy = wants();
      wantedByOthers = shardsIn([...wantedBy.values()]);
      for (const [id, bits] of wantedBy) {
        const had = shardsIn([before.get(id) ?? NOTHING]);
        shardsIn([bits]).forEach((isWanted, shard) => isWanted > had[shard] && publisher?.joined(shard));
      }
    }),
  );
  let hearsAll: boolean | undefined;
  const look = () => {
    deps.onLines(straight.count);
    const before = hearsAll;
    hearsAll = straight.hearsAll;
    if (hearsAll !== before) deps.onHearing(hearsAll);
  };
  const straight: StraightFrames = new StraightFrames({
    ...{ ...deps, others: deps.reachable, wantedShards: () => wanted.bits, onChanged: () => queueMicrotask(look) },
    ...{ namesOf: (ids) => names.namesOf(ids), onNamed: (named) => names.hear(named) },
    newest: (shards) => newestFrames(shards, names.own, { ...deps, shardOf: (id) => opened.shardOf(id) }),
    take: (shard, frame) => listening.take(shard, frame),
  });
  opening.defer(() => straight.close());
  const opened = new FramePublisher({
    ...{ ...deps, straight },
    wantedByOthers: () => wantedByOthers,
    onSeries: (id) => names.add(id),
  });
  publisher = opened;
  opening.defer(() => opened.close());
  const listening = new FrameReceiver({ ...deps, names, straight, wanted, others });
  receiver = listening;
  opening.defer(() => listening.close());
  return {
    names,
    wantedChanged() {
      listening.update();
      straight.wantedChanged();
    },
    exchange: (messages) => straight.serve(messages),
    async forget(gone) {
      await members.forget(gone);
      await names.forgetNode(gone);
      await forgetLatest(deps.redis, deps.prefix, gone);
    },
  };
}

function othersIn(members: Members, nodeId: string) {
  return members.live.filter((record) => record.nodeId !== nodeId);
}
