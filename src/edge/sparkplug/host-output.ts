/** What becomes of Sparkplug messages. */
import type { DeviceEvent } from "../../model/device-event.ts";
import type { IncomingPoint } from "../../model/incoming-point.ts";
import type { NotNumber } from "./data-type.ts";

/** Why a metric, or a whole message, gave no point. */
export type LeftOut =
  | NotNumber
  | "unknown topic"
  | "retained"
  | "malformed"
  | "too many nodes"
  | "too many devices"
  | "too many metrics"
  /** Only an alias, of a device whose birth was not seen: nobody can say what it is. */
  | "before birth"
  | "unknown alias"
  | "ambiguous alias"
  | "no name"
  | "name too long"
  | "null"
  | "transient"
  | "bad quality"
  /** A death of an earlier session of the edge node. */
  | "stale death";

export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export class HostOutput {
  readonly points: IncomingPoint[] = [];
  /** In the order in which they happened. */
  readonly events: DeviceEvent[] = [];
  readonly publications: Publication[] = [];
  readonly leftOut = new Map<LeftOut, number>();
  /** Of the points. */
  historical = 0;
  /** Sentences for the log: what is wrong with a message or a node. Texts of theirs are quoted and short. */
  readonly notices: string[] = [];

  leaveOut(reason: LeftOut, count = 1): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + count);
  }
}
