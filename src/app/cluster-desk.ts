/** The desk among several nodes, as one of them has it: whether it is here, what it stands on here, and where it is otherwise. */
import { sharedMarks } from "../alerts/series-marks.ts";
import { storedHistory } from "../alerts/stored-history.ts";
import type { MemoryBus } from "../bus/memory-bus.ts";
import { DeskLease, type Fence } from "../cluster/desk-lease.ts";
import type { ClusterStore } from "../cluster/history/cluster-store.ts";
import type { WantedShards } from "../cluster/live/wanted-shards.ts";
import type { SharedJournal } from "../cluster/shared/shared-journal.ts";
import type { Config } from "../config/config.ts";
import type { Journal } from "../log/journal.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { compileMatcher, type SeriesMatcher } from "../model/matcher.ts";
import type { DrainingGate } from "../transport/draining-gate.ts";
import type { HealthState } from "../transport/health.ts";
import type { MethodImpl } from "../wire/service.ts";
import { deskJournal } from "./desk-journal.ts";
import { DeskHealth } from "./desk-health.ts";
import { Evaluating } from "./evaluating.ts";
import { groundOfDesk, type ValueOf } from "./ground-of-desk.ts";
import { DESK_SERVICES, MovingDesk } from "./moving-desk.ts";
import type { Desk } from "./open-desk.ts";
import type { Heard } from "./open-heard.ts";
import type { OpenMembers } from "./open-members.ts";
import type { Storage } from "./open-storage.ts";

export interface ClusterDeskDeps {
  readonly nodeId: string;
  readonly config: Config;
  readonly storage: Storage;
  readonly history: ClusterStore;
  readonly everywhere: MemoryBus;
  readonly nodes: OpenMembers;
  readonly shared: SharedJournal;
  /** This node's own over the shared journal. */
  readonly journal: Journal;
  readonly wanted: WantedShards;
  readonly heard: Heard;
  readonly health: HealthState;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal;
  readonly valueOf: ValueOf;
  /** Where devices are is asked of whoever follows them from here again. */
  usePlaces(): void;
  onTrouble(sentence: string): void;
}

export interface SeatDeps {
  written(methods: readonly MethodImpl[]): readonly MethodImpl[];
  /** `storage`: what the desk stands on. */
  openDesk(storage: Storage, opening: AsyncDisposableStack): Promise<Desk>;
}

export interface ClusterDesk {
  /** Id of the node that was seen as the desk last; "": none. */
  readonly holder: string;
  /** That this node evaluates, whether as the desk or for it. */
  readonly rules: number;
  /** Whether what comes to other nodes is heard here: what they alone hear is not silent. */
  setHearing(isHearing: boolean): void;
  seat(deps: SeatDeps): MovingDesk;
  /** From now on this node takes part in which is the desk. */
  serve(gate: DrainingGate, opening: AsyncDisposableStack): void;
}

/** A node that is further behind than this does not become the desk while another one lives that is not. */
const BEHIND_MAX = 1_000n;
/** Why nobody is silent: to rules, since points of other nodes do not come; to devices, since it is not told which of them those hear. */
const OTHERS = "other nodes";
const TOLD = "what other nodes tell";

export function clusterDesk(deps: ClusterDeskDeps): ClusterDesk {
  const { nodeId, config, storage, history, everywhere, nodes, shared, journal, wanted, heard } = deps;
  const { health, clock, logger, metrics, stopping, valueOf, usePlaces, onTrouble } = deps;
  const { redis, members, peers, others } = nodes;
  let seat: MovingDesk | undefined;
  let evaluating: Evaluating | undefined;
  let isServing = false;
  let lease: DeskLease | undefined;
  const holder = () => lease?.holder ?? "";
  const isElsewhere = () => holder() !== "" && holder() !== nodeId;
  const writes = deskJournal({
    ...{ nodeId, shared, journal, own: storage.journal, redis, clock, logger },
    onOvertaken: () => {
      if (lease?.isHeld !== true) return;
      logger.warn({}, "another node has been the desk since this one could write last: what that one wrote holds");
      // Calls are passed on to it as soon as it is known which one that is.
      void lease.giveBack().then(() => lease?.look());
    },
  });
  const addressOfHolder = () => others().find((record) => record.nodeId === holder())?.address;
  let hearsAll = redis.isUp;
  return {
    setHearing(isHearing) {
      hearsAll = isHearing;
      seat?.setHearing(isHearing, OTHERS);
    },
    get holder() {
      return holder();
    },
    get rules() {
      return seat?.here?.alerts.rulesHere ?? evaluating?.engine?.rules.size ?? 0;
    },
    seat({ written, openDesk }) {
      const moving = new MovingDesk({
        ...{ peers, logger, clock, stopping, addressOfHolder, written },
        isAwaited: () => lease?.isAwaited === true,
        trouble: () => (redis.isUp ? (nodes.faults()[0] ?? "") : `Redis is away: ${redis.trouble}`),
        async open(fence, stack) {
          // All that was written before is to be here: how everything stands is read out of it.
          const isAway = lease?.isResumed === true;
          if (!isAway) await shared.caughtUp(stopping);
          // Until rules are there, which want what they are about.
          const unwant = wanted.want(compileMatcher(["*"], {}));
          stack.defer(unwant);
          heard.atDesk(stack);
          const opened = await writes.open(fence, isAway, stack);
          stack.defer(() => usePlaces());
          const want = (matcher: SeriesMatcher) => wanted.want(matcher);
          const live = { bus: everywhere, heardBus: heard.bus, valueOf, want };
          const desk = await openDesk(groundOfDesk({ ...storage, history }, nodeId, opened, live), stack);
          unwant();
          stack.defer(heard.followHearing((isHearing) => desk.devices.setHearing(isHearing, TOLD)));
          // Devices are told of: they do not wait for points of other nodes.
          const setHearing: Desk["setHearing"] = (isHearing, reason) =>
            (reason === OTHERS ? desk.alerts : desk).setHearing(isHearing, reason);
          return { ...desk, setHearing };
        },
        giveBack: async () => void (await lease?.giveBack()),
        evaluated: () => evaluating?.engine,
        onHearing: (isHearing, reason) => evaluating?.setHearing(isHearing, reason),
      });
      const onNoPast = (sentence: string) => logger.warn({ trouble: sentence }, "rules do not know the past");
      evaluating = new Evaluating({
        ...{ nodeId, registry: storage.registry, marks: sharedMarks(storage.registry), bus: everywhere, clock, peers },
        ...{ stopping, onTrouble },
        history: storedHistory(history, clock, onNoPast),
        latestOf: valueOf,
        staleAfterMs: config.live.stale_after,
        want: (matcher) => wanted.want(matcher),
        elsewhere: () => moving.elsewhere,
        mayEvaluate: () => isServing,
      });
      moving.setHearing(storage.isClockTrusted(), "clock");
      storage.whenClockTrusted(() => moving.setHearing(true, "clock"));
      moving.setHearing(hearsAll, OTHERS);
      heard.tell(holder, () => moving.elsewhere);
      return (seat = moving);
    },
    serve(gate, stack) {
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
      const opened = (lease = new DeskLease({
        ...{ redis, clock, prefix: config.redis.prefix, nodeId, onTrouble, onTaken: taken, onLost: lost },
        mayTake: () => !gate.isDraining && isUpToDate(nodes, shared),
      }));
      stack.defer(async () => {
        await opened.close();
        await seat?.close();
      });
      stack.defer(
        members.follow(() => {
          seat?.look();
          deskHealth.look();
          if (isElsewhere()) writes.isElsewhere();
        }),
      );
      isServing = !gate.isDraining;
      stack.defer(
        gate.follow(() => {
          isServing = !gate.isDraining;
          evaluating?.look();
          if (gate.isDraining) void opened.giveBack();
        }),
      );
      void writes.before().then((before) => {
        if (before === nodeId) return opened.resume();
        if (before === undefined) return;
        opened.suppose(before);
        seat?.look();
        deskHealth.look();
      });
    },
  };
}

function isUpToDate({ members }: OpenMembers, shared: SharedJournal): boolean {
  const head = members.live.reduce((most, { journalPosition: at }) => (at > most ? at : most), 0n);
  return shared.trouble === "" && head - BigInt(shared.position) <= BEHIND_MAX;
}
