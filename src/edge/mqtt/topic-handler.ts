/** What stands between the bridge and what it takes: a handler for each topic pattern, which knows nothing of connections. */
import type { DeviceEvent } from "../../model/device-event.ts";
import type { IncomingPoint } from "../../model/incoming-point.ts";
import type { Captures } from "./topic-pattern.ts";

export interface IncomingMessage {
  readonly topic: string;
  readonly captures: Captures;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** The broker had kept it: nobody published it just now. */
  readonly retain: boolean;
  /** Wall clock, Unix milliseconds. */
  readonly receivedMs: number;
  /** The same in microseconds, and no two messages of a broker have the same: for points that bring no time. */
  readonly stampUs: number;
}

export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** What a message, or time, came to. */
export interface Handled {
  readonly points?: readonly IncomingPoint[];
  /** Told, in order, once the points before them and their own are durable; the message is acknowledged once they are, too. */
  readonly events?: readonly DeviceEvent[];
  /** Published at once; where there is no connection they are dropped. */
  readonly publications?: readonly Publication[];
  /** Why the message as a whole gave nothing, though it should have: it is counted, and a sample is logged. */
  readonly malformed?: string;
  /** Parts that gave no point though the message was fine, by reason. */
  readonly leftOut?: ReadonlyMap<string, number>;
  /** Sentences for the log, which the bridge bounds. */
  readonly notices?: readonly string[];
}

export interface ConnectedSession {
  /** Wall clock at the CONNECT, Unix milliseconds; the same that the will was made with. */
  readonly connectMs: number;
  /** Monotonic. */
  readonly nowMs: number;
  /** The first connection since the start of the server. */
  readonly isFirst: boolean;
  /** The broker still knew us: it kept what came with QoS 1 meanwhile. */
  readonly isResumed: boolean;
}

export interface TopicHandler {
  /** Called in the order in which messages came; again with the same one after a crash or a lost connection. Must not throw. */
  handle(message: IncomingMessage, nowMs: number): Handled;
  /** Once subscribed, with every connection. */
  connected?(session: ConnectedSession): Handled;
  /** About once a second while there is a connection. */
  tick?(wallMs: number, nowMs: number): Handled;
  /** The will of the next connection: instead of the one that is configured, and of handlers before this one. */
  will?(connectMs: number): Publication | undefined;
  /** Published before a connection is closed in order. */
  goodbye?(wallMs: number): readonly Publication[];
}
