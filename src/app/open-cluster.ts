/**
 * Several nodes on one Redis, as one of them has it: the journal that all share, names and live frames of the others, and the desk,
 * which one of them runs.
 */
import { hostname } from "node:os";
import { MemoryBus } from "../bus/memory-bus.ts";
import { DeskLease, type Fence } from "../cluster/desk-lease.ts";
import type { SeriesPlaces } from "../cluster/history/asked-nodes.ts";
import { clusterStore, type ClusterStore } from "../cluster/history/cluster-store.ts";
import { deleteOnNodes, type DeletedSeries, type DeletingDeps } from "../cluster/history/delete-on-nodes.ts";
import { historyPeers } from "../cluster/history/history-peers.ts";
import { openLive, type Live } from "../cluster/live/open-live.ts";
import { WantedShards } from "../cluster/live/wanted-shards.ts";
import { Members } from "../cluster/members.ts";
import { NodeKey } from "../cluster/node-key.ts";
import { Peers } from "../cluster/peers/peers.ts";
import { PROTOCOL, protocolFault } from "../cluster/protocol.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import { shownRedisUrl } from "../cluster/redis/redis-url.ts";
import { SharedJournal } from "../cluster/shared/shared-journal.ts";
import type { JournalPlace } from "../cluster/shared/open-replica.ts";
import { readFromMembers } from "../cluster/shared/read-from-members.ts";
import type { Config } from "../config/config.ts";
import { FollowedDevices } from "../devices/followed-devices.ts";
import { forgetOld, trimSlice } from "../log/journal-retention.ts";
import type { Journal } from "../log/journal.ts";
import { nodeIdOf } from "../log/node-id.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";
import type { Logger } from "../model/logger.ts";
import { compileMatcher, type SeriesMatcher } from "../model/matcher.ts";
import { Seldom } from "../model/seldom.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { DrainingGate } from "../transport/draining-gate.ts";
import type { HealthState } from "../transport/health.ts";
import type { MethodImpl } from "../wire/service.ts";
import { deskJournal } from "./desk-journal.ts";
import { DeskHealth } from "./desk-health.ts";
import { groundOfDesk, type ValueOf } from "./ground-of-desk.ts";
import { DESK_SERVICES, MovingDesk } from "./moving-desk.ts";
import type { Desk } from "./open-desk.ts";
import { openRecent, type OpenRecent } from "./open-recent.ts";
import type { Storage } from "./open-storage.ts";
import type { Places } from "./places.ts";
import { isUpSoon, peerTls, redisOf } from "./redis-of.ts";

export interface ClusterDeps {
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: HealthState;
  /** That come to this node. */
  pointsPerS(): number;
  onCrash(error: Error): void;
}

export interface OpenCluster {
  readonly nodeId: string;
  readonly redis: Redis;
  readonly key: NodeKey;
  readonly members: Members;
  readonly peers: Peers;
  readonly shared: SharedJournal;
  /** This node's own over the shared journal. */
  readonly journal: Journal;
  /** What this node commits, and what others do, as far as somebody here wants it. */
  readonly everywhere: MemoryBus;
  readonly lease: DeskLeaseView;
  /** Somebody on this node looks at what it matches, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
  /** Since when Redis is away, and why. */
  trouble(): { readonly why: string; readonly sinceMs: number } | undefined;
  /** Where devices are, and their sensors, from now on as the desk writes it, wherever that is. */
  followDevices(places: Places, scopes: SeriesScopes, opening: AsyncDisposableStack): Promise<void>;
  seat(deps: SeatDeps): MovingDesk;
  /** Points of all nodes. */
  readonly history: ClusterStore;
  /** What Redis has of the recent window; undefined: there is none, or it is not known yet. */
  recentRoom(): ReturnType<OpenRecent["room"]>;
  /** On all nodes. */
  deleteSeries(seriesIds: Uint32Array, retireOwn: DeletingDeps["retire"]): Promise<DeletedSeries>;
  /** Names and live frames, once there is somebody who knows the newest values. */
  openLive(valueOf: ValueOf, opening: AsyncDisposableStack): Promise<void>;
  /** This node can be reached from now on: it takes part in who is the desk. */
  serve(address: string, gate: DrainingGate, opening: AsyncDisposableStack): void;
}

export interface DeskLeaseView {
  readonly holder: string;
}

export interface SeatDeps {
  written(methods: readonly MethodImpl[]): readonly MethodImpl[];
  /** `storage`: what the desk stands on. */
  openDesk(storage: Storage, opening: AsyncDisposableStack): Promise<Desk>;
}

/** A node that is further behind than this does not become the desk while another one lives that is not. */
const BEHIND_MAX = 1_000n;

/** `opening` closes what was opened. */
export async function openCluster(
  config: Config,
  url: string,
  storage: Storage,
  { spawn, clock, logger, metrics, health, pointsPerS, onCrash }: ClusterDeps,
  opening: AsyncDisposableStack,
): Promise<OpenCluster> {
  const { registry, bus, storeOpened } = storage;
  const { prefix } = config.redis;
  const said = new Seldom(clock, (trouble) =>
    logger.warn({ trouble }, "other nodes are not reached as they should be"),
  );
  const onTrouble = (sentence: string) => said.say(() => sentence);
  const nodeId = await nodeIdOf(storage.journal, () => crypto.randomUUID())();
  const startedAtMs = Math.floor(clock.nowMs());
  const stopping = new AbortController();

  const redis = redisOf(config, url, nodeId, clock);
  opening.defer(() => redis.close());
  let awaySinceMs = startedAtMs;
  opening.defer(
    redis.follow((isUp) => {
      if (!isUp) awaySinceMs = clock.nowMs();
      metrics.redisUp.set(isUp ? 1 : 0);
      const facts = { redis: shownRedisUrl(url) };
      if (isUp) logger.info(facts, "Redis is there: this node has its part in the others");
      else logger.warn({ ...facts, trouble: redis.trouble }, "Redis is away: this node goes on by itself");
    }),
  );
  if (!(await isUpSoon(redis, clock))) {
    const facts = { redis: shownRedisUrl(url), trouble: redis.trouble };
    logger.warn(
      facts,
      "Redis is not there: this node begins by itself, or waits for it where it has never had a part in the others",
    );
  }
  const key = new NodeKey({ redis, clock, prefix, onTrouble });
  opening.defer(() => key.close());
  const peers = new Peers({ key: () => key.secret, tls: peerTls(config) });
  opening.defer(() => peers.close());

  let address = "";
  let state = "serving";
  let shared: SharedJournal | undefined;
  /** What a copy out of a backup holds, while it waits for its place among the others. */
  let restored: JournalPlace | undefined;
  const wanted = new WantedShards(() => {
    void members.announce();
    live?.wantedChanged();
  });
  let live: Live | undefined;
  // Until names are known, what this node has is all.
  const placesOfSeries: SeriesPlaces = {
    isOwn: (id) => live?.names.isOwn(id) ?? true,
    othersWith: (id) => live?.names.othersWith(id) ?? [],
  };
  const members: Members = await Members.open({
    ...{ redis, clock, prefix, onTrouble },
    self: () => ({
      ...{ nodeId, address, state, version: BUILD.version, protocol: PROTOCOL, wantedShards: wanted.bits },
      name: config.redis.node_name === "auto" ? hostname() : config.redis.node_name,
      startedAtMs: BigInt(startedAtMs),
      journalPosition: BigInt((shared ?? restored)?.position ?? 0),
      journalEpoch: BigInt((shared ?? restored)?.epoch ?? 0),
      series: BigInt(live?.names.own.size ?? registry.count),
      pointsPerSecond: pointsPerS(),
    }),
  });
  opening.defer(() => members.close());
  const faults = () => members.live.map((record) => protocolFault(record)).filter((fault) => fault !== "");
  const [fault] = faults();
  if (fault !== undefined) throw new WatchpostError("FAILED_PRECONDITION", fault);
  const others = () =>
    members.live.filter((record) => record.nodeId !== nodeId && record.address !== "" && protocolFault(record) === "");
  const noteMembers = () => {
    for (const sentence of faults()) onTrouble(sentence);
    peers.keep(new Set(others().map((record) => record.address)));
    metrics.nodesLive.set(members.live.length);
  };
  noteMembers();
  opening.defer(members.follow(noteMembers));

  shared = await SharedJournal.open({
    ...{ data: config.data, redis, prefix, nodeId, spawn, clock, own: storage.log, signal: stopping.signal },
    members: () => members.live,
    onRestored: (place) => (restored = place),
    readSharedState: (afterPosition) =>
      readFromMembers({ nodeId, clock, members: others, peers }, afterPosition, stopping.signal),
    onCrash,
    onListenerError: (error) => logger.error({ err: error }, "a follower of the shared journal failed"),
    onDamage: (sentence) => {
      metrics.damaged.inc();
      logger.error({ damage: sentence }, "damaged data: it is not served");
    },
    onTrouble,
    onNews: (sentence) => logger.info({ news: sentence }, "the shared journal"),
  });
  const ownShared = shared;
  opening.defer(() => ownShared.close());
  opening.defer(() => stopping.abort());
  const journal = shared.journal();
  opening.defer(() => journal.close());
  const onGrowth = (sentence: string) => logger.error({ trouble: sentence }, "the shared journal grows");
  opening.defer(
    forgetOld([trimSlice(journal, clock)], { clock, onTrouble: onGrowth, keptMs: config.retention.journal }),
  );

  const everywhere = new MemoryBus((error) => logger.error({ err: error }, "a subscriber of frames failed"));
  opening.defer(bus.subscribe((frame) => everywhere.publish(frame)));

  const names = () => live?.names;
  const recent = openRecent(config, storage, { redis, clock, metrics, logger, nodeId, names, onTrouble });
  const peersOfHistory = historyPeers(members, peers);
  const historyDeps = {
    ...{ store: storage.store, registry, nodeId, clock, peers: peersOfHistory, places: placesOfSeries },
    recent: recent?.reader,
  };
  const history = clusterStore(historyDeps);

  let seat: MovingDesk | undefined;
  let usePlaces = () => {};
  let valueOf: ValueOf = () => undefined;
  const lease: { now: DeskLease | undefined } = { now: undefined };
  const holder = () => lease.now?.holder ?? "";
  const isElsewhere = () => holder() !== "" && holder() !== nodeId;
  const deskWrites = deskJournal({
    ...{ nodeId, shared, journal, own: storage.journal, redis, clock, logger },
    onOvertaken: () => {
      logger.warn({}, "another node was the desk while this one could not reach Redis: what it wrote holds");
      void lease.now?.giveBack();
    },
  });
  const addressOfHolder = () => others().find((record) => record.nodeId === holder())?.address;

  return {
    ...{ nodeId, redis, key, members, peers, shared, journal, everywhere },
    lease: {
      get holder() {
        return holder();
      },
    },
    want: (matcher) => wanted.want(matcher),
    history,
    recentRoom: () => recent?.room(),
    deleteSeries: (ids, retire) => deleteOnNodes({ ...historyDeps, retire }, ids),
    trouble: () => (redis.isUp ? undefined : { why: redis.trouble, sinceMs: awaySinceMs }),
    async followDevices(places, scopes, stack) {
      const early: DocumentChange[] = [];
      let hear: (changes: readonly DocumentChange[]) => void = (changes) => void early.push(...changes);
      stack.defer(journal.followChanges((changes) => hear(changes)));
      const onMoved = (deviceId: string) => scopes.moved(deviceId);
      const { schemas } = storage;
      const devices = await FollowedDevices.open({ journal, registry, schemas, onMoved, onTrouble });
      stack.defer(() => devices.close());
      hear = (changes) => devices.apply(changes);
      hear(early);
      usePlaces = () => places.use(devices);
      usePlaces();
    },
    seat({ written, openDesk }) {
      return (seat = new MovingDesk({
        ...{ peers, logger, clock, stopping: stopping.signal, addressOfHolder, written },
        trouble: () => (redis.isUp ? (faults()[0] ?? "") : `Redis is away: ${redis.trouble}`),
        async open(fence, stack) {
          // All that was written before is to be here: how everything stands is read out of it.
          const isAway = lease.now?.isResumed === true;
          if (!isAway) await ownShared.caughtUp(stopping.signal);
          stack.defer(wanted.want(compileMatcher(["*"], {})));
          const writes = await deskWrites.open(fence, isAway, stack);
          stack.defer(() => usePlaces());
          return openDesk(groundOfDesk({ ...storage, history }, writes, everywhere, valueOf), stack);
        },
        giveBack: async () => void (await lease.now?.giveBack()),
      }));
    },
    async openLive(newest, stack) {
      valueOf = newest;
      live = await openLive(
        {
          ...{ redis, clock, registry, bus, members, wanted, prefix, nodeId, startedAtMs, valueOf, onTrouble },
          own: storeOpened.latest.seriesIds,
          publish: (frame) => everywhere.publish(frame),
          onSent: (points, bytes) => {
            metrics.nodePoints.inc({ direction: "sent" }, points);
            metrics.nodeBytes.inc({ direction: "sent" }, bytes);
          },
          onReceived: (points) => metrics.nodePoints.inc({ direction: "received" }, points),
          onLeftOut: (points) => metrics.nodePoints.inc({ direction: "left_out" }, points),
          onGap: () => metrics.nodeGaps.inc(),
          onNoRoom: (series) => onTrouble(`${series} series of other nodes find no room here (ingest.series_max)`),
        },
        stack,
      );
      recent?.fill(stack);
    },
    serve(bound, gate, stack) {
      address = config.redis.advertise ?? bound;
      const services = DESK_SERVICES.map(({ typeName }) => typeName);
      const isDeskKnown = () => seat?.isKnown === true;
      const deskHealth = new DeskHealth({ health, redis, clock, services, isDeskKnown });
      stack.defer(() => deskHealth.close());
      const taken = (fence: Fence) => {
        metrics.isDesk.set(1);
        void seat?.taken(fence).then(() => deskHealth.look());
      };
      const lost = () => {
        metrics.isDesk.set(0);
        void seat?.lost().then(() => deskHealth.look());
      };
      lease.now = new DeskLease({
        ...{ redis, clock, prefix, nodeId, onTrouble, onTaken: taken, onLost: lost },
        mayTake: () => !gate.isDraining && isUpToDate(members, ownShared),
      });
      const opened = lease.now;
      stack.defer(async () => {
        await opened.close();
        await seat?.close();
      });
      stack.defer(
        members.follow(() => {
          seat?.look();
          deskHealth.look();
          if (isElsewhere()) deskWrites.isElsewhere();
        }),
      );
      stack.defer(
        gate.follow(() => {
          state = gate.isDraining ? "draining" : "serving";
          void members.announce();
          if (gate.isDraining) void opened.giveBack();
        }),
      );
      void members.announce();
      void deskWrites.wasHere().then((wasHere) => wasHere && opened.resume());
    },
  };
}

function isUpToDate(members: Members, shared: SharedJournal): boolean {
  const head = members.live.reduce((most, { journalPosition: at }) => (at > most ? at : most), 0n);
  return shared.trouble === "" && head - BigInt(shared.position) <= BEHIND_MAX;
}
