/**
 * The desk among several nodes: opened here while this node holds the lease, from the documents that every node has; otherwise its
 * methods are passed on to the node that does.
 */
import { toBinary, type DescMethod } from "@bufbuild/protobuf";
import type { Fence } from "../cluster/desk-lease.ts";
import { deviceAnnouncement } from "../cluster/peers/device-announcement.ts";
import type { Peers } from "../cluster/peers/peers.ts";
import { proxied, type DeskSeat as Seat, type Raw } from "../cluster/peers/proxied.ts";
import type { Clock } from "../model/clock.ts";
import type { DeviceEvent } from "../model/device-event.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import { pause } from "../model/pause.ts";
import { Serial } from "../model/serial.ts";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { Devices } from "../wire/gen/devices_pb.ts";
import { DeviceAnnouncementSchema, Nodes } from "../wire/gen/nodes_pb.ts";
import { SavedDashboards } from "../wire/gen/saved_dashboards_pb.ts";
import { Server } from "../wire/gen/server_pb.ts";
import type { MethodImpl } from "../wire/service.ts";
import type { DeskSeat } from "./desk-seat.ts";
import type { Desk } from "./open-desk.ts";

export interface MovingDeskDeps {
  readonly peers: Pick<Peers, "unary" | "serverStreaming" | "bidi">;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal;
  /** Why it is not known which node that is; "": it is. */
  trouble(): string;
  /** Of the node that holds the lease, if it is another one and is known. */
  addressOfHolder(): string | undefined;
  /** Redis has just come back, and tells soon whether the desk is where it was. */
  isAwaited(): boolean;
  /** What it writes holds under the fence alone. `opening` closes what was opened. */
  open(fence: Fence, opening: AsyncDisposableStack): Promise<Desk>;
  /** It could not be opened: another node should try. */
  giveBack(): Promise<void>;
  /** What this node evaluates for the desk of another one. */
  evaluated(): DeskSeat["engine"];
  /** Hears what {@link MovingDesk.setHearing} does. */
  onHearing(isHearing: boolean, reason: string): void;
  /** Methods that write down who did what. */
  written(methods: readonly MethodImpl[]): readonly MethodImpl[];
}

/** Those that are its own. */
export const DESK_SERVICES = [SavedDashboards, Alerts, Devices, Collaboration];
/** What the desk serves. */
export const DESK_METHODS: readonly DescMethod[] = [
  ...DESK_SERVICES.flatMap((service) => service.methods),
  ...[Server.method.listChanges, Server.method.watchChanges],
];
/** The sides of its methods that are bytes. */
export const DESK_RAW: ReadonlyMap<DescMethod, Raw> = new Map<DescMethod, Raw>([
  [Collaboration.method.watchSession, "output"],
  [Collaboration.method.joinSession, "both"],
]);
const RETRY_MS = 500;
const ALL = "";

export class MovingDesk implements DeskSeat {
  readonly #deps: MovingDeskDeps;
  readonly #serial = new Serial();
  readonly #deaf = new Set<string>();
  #moved = new AbortController();
  #address: string | undefined;
  #opened: { readonly desk: Desk; readonly methods: Seat["here"]; readonly stack: AsyncDisposableStack } | undefined;
  /** Of the newest term; what belongs to one before it is not opened any more. */
  #term: Fence | undefined;
  readonly methods: readonly MethodImpl[];

  constructor(deps: MovingDeskDeps) {
    this.#deps = deps;
    const seat = (): Seat => ({
      ...{ here: this.#opened?.methods, address: this.#address, trouble: deps.trouble(), until: this.#moved.signal },
    });
    const { peers, clock } = deps;
    this.methods = DESK_METHODS.map((method) => proxied(method, DESK_RAW.get(method), { seat, peers, clock }));
  }

  get here(): Desk | undefined {
    return this.#opened?.desk;
  }

  get engine(): DeskSeat["engine"] {
    return this.here?.alerts.engine ?? this.#deps.evaluated();
  }

  get isKnown(): boolean {
    return this.#opened !== undefined || this.#address !== undefined;
  }

  /** Where it is, if that is another node, and until when. */
  get elsewhere(): { readonly address: string; readonly until: AbortSignal } | undefined {
    return this.#address === undefined ? undefined : { address: this.#address, until: this.#moved.signal };
  }

  /** Looks where it is now: streams of where it was end. */
  look(): void {
    const address = this.#term === undefined ? this.#deps.addressOfHolder() : undefined;
    if (address === this.#address) return;
    if (address === undefined && this.#term === undefined && this.#deps.isAwaited()) return;
    this.#address = address;
    this.#move();
  }

  /** This node holds the lease from now on. */
  taken(fence: Fence): Promise<void> {
    this.#term = fence;
    this.look();
    return this.#serial.run(ALL, () => this.#open(fence));
  }

  /** It does not any more. Resolves once the desk is closed. */
  lost(): Promise<void> {
    this.#term = undefined;
    this.look();
    return this.#serial.run(ALL, () => this.#close());
  }

  setHearing(isHearing: boolean, reason: string): void {
    if (isHearing) this.#deaf.delete(reason);
    else this.#deaf.add(reason);
    this.#deps.onHearing(isHearing, reason);
    this.here?.setHearing(isHearing, reason);
  }

  async reload(): Promise<void> {
    await this.here?.reload();
  }

  async announce(event: DeviceEvent): Promise<void> {
    const { peers, clock, stopping } = this.#deps;
    const request = toBinary(DeviceAnnouncementSchema, deviceAnnouncement(event));
    while (!stopping.aborted) {
      const { here } = this;
      if (here !== undefined) return here.devices.onDeviceEvent(event);
      try {
        if (this.#address !== undefined) {
          await peers.unary(this.#address, Nodes.method.announceDevice, request, { signal: stopping });
          return;
        }
      } catch (error) {
        // What another node does not take at all it will not take later.
        if (!(error instanceof WatchpostError) || error.status !== "UNAVAILABLE") return this.#lostEvent(event, error);
      }
      await pause(RETRY_MS, clock, stopping);
    }
  }

  stop(): void {
    this.here?.collaboration.stop();
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.lost();
  }

  #lostEvent({ device, kind }: DeviceEvent, error: unknown): void {
    this.#deps.logger.error({ device, err: error }, `the ${kind} of a device is not taken: ${messageOf(error)}`);
  }

  async #open(fence: Fence): Promise<void> {
    const { logger, open, written, giveBack } = this.#deps;
    if (this.#term !== fence) return;
    const stack = new AsyncDisposableStack();
    try {
      const desk = await open(fence, stack);
      for (const reason of this.#deaf) desk.setHearing(false, reason);
      const methods = new Map(written(desk.methods).map((impl) => [impl.method, impl]));
      checkServed(desk.methods);
      this.#opened = { desk, methods, stack };
      this.#move();
      logger.info({}, "this node is the desk: alerts, devices and sessions of all nodes run here");
    } catch (error) {
      logger.error({ err: error }, `the desk cannot be opened here: ${messageOf(error)}`);
      await stack.disposeAsync().catch(() => {});
      if (this.#term === fence) await giveBack();
    }
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    opened.desk.collaboration.stop();
    this.#move();
    try {
      await opened.stack.disposeAsync();
    } catch (error) {
      this.#deps.logger.error({ err: error }, `the desk was not closed in order: ${messageOf(error)}`);
    }
    this.#deps.logger.info({}, "this node is not the desk any more");
  }

  #move(): void {
    const moved = this.#moved;
    this.#moved = new AbortController();
    moved.abort();
  }
}

/** Throws where the desk serves something else than all nodes pass on to it. */
function checkServed(methods: readonly MethodImpl[]): void {
  const wrong = methods.filter(({ method, raw }) => !DESK_METHODS.includes(method) || DESK_RAW.get(method) !== raw);
  if (wrong.length === 0 && methods.length === DESK_METHODS.length) return;
  const names = wrong.map(({ method }) => method.name).join(", ");
  throw new Error(
    `the desk serves ${methods.length} methods of ${DESK_METHODS.length}; not as the nodes pass it on: ${names}`,
  );
}
