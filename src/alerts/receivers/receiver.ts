/** One way out: a channel of a receiver of the configuration. A receiver with several channels has one of these for each. */
import type { Clock } from "../../model/clock.ts";
import type { Notification } from "../notify/notification.ts";

export interface ReceiverIdentity {
  /** As routes name it; the same for all channels of a receiver. */
  readonly name: string;
  /** "webhook", "email" and so on; "webhook-2" for a second of a kind. Unique within the receiver. */
  readonly channel: string;
  readonly sendResolved: boolean;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
}

export interface SendOptions {
  /** Ends the attempt; its sockets are closed at once. */
  readonly signal: AbortSignal;
  /** From 1. */
  readonly attempt: number;
}

export interface Receiver extends ReceiverIdentity {
  /**
   * Resolves when the other side has taken it. Throws WatchpostError: UNAVAILABLE where trying again may help, with
   * `retryAfterMs` where the other side said when, FAILED_PRECONDITION where not. Messages carry no secrets. Attempts of
   * one notification are given the same object, so that what some recipients have is not sent to them again.
   */
  send(notification: Notification, options: SendOptions): Promise<void>;
  close(): Promise<void>;
}

export interface ReceiverDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}
