/** The desk as the rest of a node sees it: here for good, or wherever it is among several nodes. */
import type { Engine } from "../alerts/engine.ts";
import type { DeviceEvent } from "../model/device-event.ts";
import type { MethodImpl } from "../wire/service.ts";
import type { Desk } from "./open-desk.ts";

export interface DeskSeat {
  /** Those of the desk, wherever it is. */
  readonly methods: readonly MethodImpl[];
  /** Undefined: it is on another node, or about to be opened. */
  readonly here: Desk | undefined;
  /** What evaluates rules here, for the desk of this or another node; undefined: nothing does. */
  readonly engine: Pick<Engine, "rules" | "counts"> | undefined;
  /** Whether anybody is known to run it now. */
  readonly isKnown: boolean;
  /** While points are refused nobody can be heard, and nobody is silent; also of a desk that comes later. */
  setHearing(isHearing: boolean, reason: string): void;
  /** A device says by itself that it is there or leaves. Resolves once what comes of it is durable, wherever the desk is; never rejects. */
  announce(event: DeviceEvent): Promise<void>;
  /** Reads the rules file again, if there is one. What is wrong in it is logged, and what was in force stays. */
  reload(): Promise<void>;
  /** Streams of sessions that end from now on are those that the server ends: their members come back. */
  stop(): void;
}

export function deskHere(desk: Desk, written: (methods: readonly MethodImpl[]) => readonly MethodImpl[]): DeskSeat {
  return {
    methods: written(desk.methods),
    here: desk,
    engine: desk.alerts.engine,
    isKnown: true,
    setHearing: (isHearing, reason) => desk.setHearing(isHearing, reason),
    announce: (event) => desk.devices.onDeviceEvent(event),
    reload: () => desk.reload(),
    stop: () => desk.collaboration.stop(),
  };
}
