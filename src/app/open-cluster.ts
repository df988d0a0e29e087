/**
 * Several nodes on one Redis, as one of them has it: the journal that all share, names and live frames of the others, and the desk,
 * which one of them runs.
 */
import { MemoryBus } from "../bus/memory-bus.ts";
import type { SeriesPlaces } from "../cluster/history/asked-nodes.ts";
import { clusterStore, type ClusterStore } from "../cluster/history/cluster-store.ts";
import { deleteOnNodes, type DeletedSeries, type DeletingDeps } from "../cluster/history/delete-on-nodes.ts";
import { OwedDeletions, oweDeletion } from "../cluster/history/owed-deletions.ts";
import { historyPeers } from "../cluster/history/history-peers.ts";
import { openLive, type Live } from "../cluster/live/open-live.ts";
import { WantedShards } from "../cluster/live/wanted-shards.ts";
import { NodeRegister } from "../cluster/node-register.ts";
import type { JournalPlace } from "../cluster/shared/open-replica.ts";
import type { SharedJournal } from "../cluster/shared/shared-journal.ts";
import type { Config } from "../config/config.ts";
import { FollowedDevices } from "../devices/followed-devices.ts";
import type { Journal } from "../log/journal.ts";
import { nodeIdOf } from "../log/node-id.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import { Seldom } from "../model/seldom.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { DrainingGate } from "../transport/draining-gate.ts";
import type { HealthState } from "../transport/health.ts";
import { clusterDesk, type ClusterDesk, type SeatDeps } from "./cluster-desk.ts";
import type { ValueOf } from "./ground-of-desk.ts";
import type { HeardNodes } from "./heard-nodes.ts";
import type { MovingDesk } from "./moving-desk.ts";
import { openHeard } from "./open-heard.ts";
import { nodeNameOf, openMembers, type OpenMembers } from "./open-members.ts";
import { openRecent, type OpenRecent } from "./open-recent.ts";
import { openShared } from "./open-shared.ts";
import type { Storage } from "./open-storage.ts";
import type { Places } from "./places.ts";
import { takePlace } from "./take-place.ts";

export interface ClusterDeps {
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: HealthState;
  /** Ends the start where it waits for Redis or for another node. */
  readonly signal: AbortSignal | undefined;
  /** That come to this node. */
  pointsPerS(): number;
  onCrash(error: Error): void;
}

export interface OpenCluster extends OpenMembers {
  readonly nodeId: string;
  readonly shared: SharedJournal;
  /** This node's own over the shared journal. */
  readonly journal: Journal;
  /** What this node commits, and what others do, as far as somebody here wants it. */
  readonly everywhere: MemoryBus;
  /** Id of the node that was seen as the desk last; "": none. */
  readonly deskId: string;
  /** Who tells the desk here which devices it hears. */
  readonly heardNodes: HeardNodes;
  /** Somebody on this node looks at what it matches, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
  /** Where devices are, and their sensors, from now on as the desk writes it, wherever that is. */
  followDevices(places: Places, scopes: SeriesScopes, opening: AsyncDisposableStack): Promise<void>;
  seat(deps: SeatDeps): MovingDesk;
  /** A line of live frames that another node opens. Throws UNAVAILABLE until this node has its part in the others. */
  exchangeLive: Live["exchange"];
  /**
   * There is no such node any more. Resolves with how many series no other one has; rejects with UNAVAILABLE where Redis does not hear of
   * it: some of it may be forgotten then.
   */
  forgetNode(nodeId: string): Promise<number>;
  /** Series whose points were on nodes that are forgotten. */
  nowhere(): ReadonlySet<number>;
  /** Points of all nodes. */
  readonly history: ClusterStore;
  /** What Redis has of the recent window; undefined: there is none, or it is not known yet. */
  recentRoom(): ReturnType<OpenRecent["room"]>;
  /** On all nodes. */
  deleteSeries(seriesIds: Uint32Array, retireOwn: DeletingDeps["retire"]): Promise<DeletedSeries>;
  /** Names and live frames, once there is somebody who knows the newest values. */
  openLive(valueOf: ValueOf, retireOwn: DeletingDeps["retire"], opening: AsyncDisposableStack): Promise<void>;
  /** This node can be reached from now on: it takes part in who is the desk. */
  serve(address: string, gate: DrainingGate, opening: AsyncDisposableStack): void;
}

const NONE: ReadonlySet<number> = new Set();

/** `opening` closes what was opened. */
export async function openCluster(
  config: Config,
  url: string,
  storage: Storage,
  { spawn, clock, logger, metrics, health, pointsPerS, signal: asked, onCrash }: ClusterDeps,
  opening: AsyncDisposableStack,
): Promise<OpenCluster> {
  const { registry, bus, store, schemas } = storage;
  const said = new Seldom(clock, (trouble) =>
    logger.warn({ trouble }, "other nodes are not reached as they should be"),
  );
  const onTrouble = (sentence: string) => said.say(() => sentence);
  const nodeId = await nodeIdOf(storage.journal, () => crypto.randomUUID())();
  const startedAtMs = Math.floor(clock.nowMs());
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  if (asked?.aborted) stop();
  asked?.addEventListener("abort", stop, { once: true });

  let [address, isDraining] = ["", false];
  let place: () => JournalPlace | undefined = () => undefined;
  let live: Live | undefined;
  let desk: ClusterDesk | undefined;
  const wanted = new WantedShards(() => {
    void nodes.members.announce();
    live?.wantedChanged();
  });
  const self = () => ({
    ...{ address, state: isDraining ? "draining" : "serving", wantedShards: wanted.bits, journal: place() },
    series: live?.names.own.size ?? registry.count,
    pointsPerS: pointsPerS(),
    rules: desk?.rules ?? 0,
  });
  let register: NodeRegister | undefined;
  const remembered = () => register?.nodes ?? [];
  const nodesDeps = {
    nodeId,
    startedAtMs,
    signal: stopping.signal,
    self,
    remembered,
    clock,
    logger,
    metrics,
    onTrouble,
  };
  const nodes: OpenMembers = await openMembers(config, url, nodesDeps, opening);
  const { redis, members, peers } = nodes;

  // Whatever waits for it ends before it is closed.
  const { signal } = stopping;
  const onRestored = (restored: JournalPlace) => (place = () => restored);
  const sharedDeps = { nodeId, nodes, log: storage.log, spawn, clock, logger, metrics, signal, onTrouble, onCrash };
  const { shared, journal } = await openShared(config, { ...sharedDeps, onRestored }, opening);
  // From here on it ends in the order in which it was opened.
  asked?.removeEventListener("abort", stop);
  opening.defer(stop);
  place = () => shared;
  const registered = (register = await NodeRegister.open({
    ...{ journal, clock, onTrouble, self: { nodeId, name: nodeNameOf(config), version: BUILD.version } },
    isLive: (id) => members.live.some((record) => record.nodeId === id),
    onChanged: () => members.rememberedChanged(),
    onForgotten: (id) => live?.names.drop(id),
  }));
  opening.defer(() => registered.close());

  const everywhere = new MemoryBus((error) => logger.error({ err: error }, "a subscriber of frames failed"));
  opening.defer(bus.subscribe((frame) => everywhere.publish(frame)));
  // Until names are known, what this node has is all.
  const places: SeriesPlaces = {
    isOwn: (id) => live?.names.isOwn(id) ?? true,
    othersWith: (id) => live?.names.othersWith(id) ?? [],
  };
  const names = () => live?.names;
  const recent = openRecent(config, storage, { redis, clock, metrics, logger, nodeId, names, onTrouble });
  const historyDeps = {
    ...{ store, registry, nodeId, clock, peers: historyPeers(members, peers), places, recent: recent?.reader },
  };
  const history = clusterStore(historyDeps);

  let usePlaces = () => {};
  let newest: ValueOf = () => undefined;
  const heard = openHeard({ nodeId, storage, everywhere, nodes, wanted, clock, stopping: signal, onTrouble });
  const ownDesk = (desk = clusterDesk({
    ...{ nodeId, config, storage, history, everywhere, nodes, shared, journal, wanted, health, clock, logger, metrics },
    ...{ heard, stopping: signal, onTrouble },
    valueOf: (seriesId) => newest(seriesId),
    usePlaces: () => usePlaces(),
  }));
  return {
    ...{ ...nodes, nodeId, shared, journal, everywhere, history, seat: ownDesk.seat, heardNodes: heard.nodes },
    get deskId() {
      return ownDesk.holder;
    },
    recentRoom: () => recent?.room(),
    want: (matcher) => wanted.want(matcher),
    exchangeLive(messages) {
      if (live !== undefined) return live.exchange(messages);
      throw starting();
    },
    async forgetNode(id) {
      if (live === undefined) throw starting();
      const series = live.names.onlyOf(id);
      // Last what tells others that it is gone: they write anew what a node has that they know.
      await registered.forget([id]);
      await live.forget(id);
      return series;
    },
    nowhere: () => live?.names.nowhere ?? NONE,
    deleteSeries(ids, retire) {
      const owe = async (id: string, keys: readonly string[]) => {
        await oweDeletion(journal, id, keys, Math.floor(clock.nowMs()));
        await live?.names.forgetSeries(id, new Set(keys));
      };
      return deleteOnNodes({ ...historyDeps, retire, owe }, ids);
    },
    async followDevices(usedPlaces, scopes, stack) {
      const early: DocumentChange[] = [];
      let hear: (changes: readonly DocumentChange[]) => void = (changes) => void early.push(...changes);
      stack.defer(journal.followChanges((changes) => hear(changes)));
      const onMoved = (deviceId: string) => scopes.moved(deviceId);
      const devices = await FollowedDevices.open({ journal, registry, schemas, onMoved, onTrouble });
      stack.defer(() => devices.close());
      hear = (changes) => devices.apply(changes);
      hear(early);
      usePlaces = () => usedPlaces.use(devices);
      usePlaces();
    },
    async openLive(valueOf, retire, stack) {
      newest = valueOf;
      // Before others hear of these series again.
      const owed = new OwedDeletions({
        ...{ journal, registry, store, nodeId, clock, retire, onTrouble },
        onNews: (sentence) => logger.info({ news: sentence }, "deleted series"),
      });
      stack.defer(() => owed.close());
      await owed.look();
      const { nodePoints, nodeBytes, nodeGaps } = metrics;
      const opened = await openLive(
        {
          ...{ redis, clock, registry, bus, members, wanted, prefix: config.redis.prefix, nodeId, startedAtMs },
          ...{ valueOf, onTrouble, own: storage.storeOpened.latest.seriesIds.filter((id) => registry.has(id)) },
          publish: (frame) => everywhere.publish(frame),
          onSent: (points, bytes) => {
            nodePoints.inc({ direction: "sent" }, points);
            nodeBytes.inc({ direction: "sent" }, bytes);
          },
          onReceived: (points) => nodePoints.inc({ direction: "received" }, points),
          onLeftOut: (points) => nodePoints.inc({ direction: "left_out" }, points),
          onGap: () => nodeGaps.inc(),
          ...{ peers, reachable: nodes.others, onHearing: ownDesk.setHearing },
          onLines: (count) => metrics.nodeLines.set(count),
          onNoRoom: (series) => onTrouble(`${series} series of other nodes find no room here (ingest.series_max)`),
        },
        stack,
      );
      recent?.fill(stack);
      live = opened;
      const hasRecent = async (id: string) => (await recent?.reader.of(id)) !== undefined;
      const placeDeps = { nodes, register: registered, live: opened, hasRecent, own: storage.journal, clock, logger };
      stack.defer(await takePlace(placeDeps));
    },
    serve(bound, gate, stack) {
      address = config.redis.advertise ?? bound;
      ownDesk.serve(gate, stack);
      stack.defer(
        gate.follow(() => {
          isDraining = gate.isDraining;
          void members.announce();
        }),
      );
      void members.announce();
    },
  };
}

function starting(): WatchpostError {
  return new WatchpostError("UNAVAILABLE", "this node is starting", { retryAfterMs: 1_000 });
}
