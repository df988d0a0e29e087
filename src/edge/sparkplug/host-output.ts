/** What becomes of Sparkplug messages. */
import type { DeviceEvent } from "../../model/device-event.ts";
import type { IncomingPoint } from "../../model/incoming-point.ts";
import type { Publication } from "../mqtt/topic-handler.ts";
import type { NotNumber } from "./data-type.ts";

/** Why a metric, or a whole message that is fine by itself, gave no point. */
export type LeftOut =
  | NotNumber
  | "retained"
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

export class HostOutput {
  readonly points: IncomingPoint[] = [];
  /** In the order in which they happened. */
  readonly events: DeviceEvent[] = [];
  readonly publications: Publication[] = [];
  readonly leftOut = new Map<LeftOut, number>();
  /** What is wrong with the message as a whole. */
  malformed: string | undefined;
  /** Of the points. */
  historical = 0;
  /** Sentences for the log, whose bound is the caller's: what is wrong with a node. Texts of theirs are quoted and short. */
  readonly notices: string[] = [];

  leaveOut(reason: LeftOut, count = 1): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + count);
  }
}
