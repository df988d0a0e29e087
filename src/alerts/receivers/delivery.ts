/** Brings one notification to one receiver: attempts with a timeout each, waits between them, and an end to it all. */
import { formatDurationMs } from "../../model/duration.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { Notification } from "../notify/notification.ts";
import { mayHelpToTryAgain, stopped } from "./delivery-error.ts";
import type { Receiver, ReceiverDeps } from "./receiver.ts";
import type { Slots } from "./slots.ts";
import { TimeLimit } from "./time-limit.ts";
import { wantedPart } from "./wanted-part.ts";

export interface DeliveryPolicy {
  readonly attemptsMax: number;
  /** From the call on, waiting for a turn included. */
  readonly totalMs: number;
  /** Doubled after each attempt, half of it by chance. */
  readonly firstWaitMs: number;
  readonly waitMaxMs: number;
  /** What a receiver may ask for at most. */
  readonly retryAfterMaxMs: number;
}

/** Ends with the usual group interval, after which there is newer news. */
export const DELIVERY_POLICY: DeliveryPolicy = {
  attemptsMax: 8,
  totalMs: 5 * 60_000,
  firstWaitMs: 1_000,
  waitMaxMs: 30_000,
  retryAfterMaxMs: 2 * 60_000,
};

/** For the journal. */
export interface DeliveryAttempt {
  readonly receiver: string;
  readonly channel: string;
  /** From 1. */
  readonly attempt: number;
  readonly isDelivered: boolean;
  /** "delivered", or what went wrong; no secrets. */
  readonly outcome: string;
  readonly durationMs: number;
  /** Null: this was the last. */
  readonly retryInMs: number | null;
}

export interface DeliveryDeps extends ReceiverDeps {
  /** The same for all deliveries. */
  readonly slots: Slots;
  readonly onAttempt?: (attempt: DeliveryAttempt) => void;
  readonly policy?: DeliveryPolicy;
}

export interface DeliveryResult {
  /** "unwanted": the receiver does not want to hear of what is resolved. "stopped": the signal came first. */
  readonly kind: "delivered" | "failed" | "stopped" | "unwanted";
  readonly attempts: number;
  /** A sentence without secrets. */
  readonly outcome: string;
}

interface Tried {
  /** Null: it was taken. */
  readonly failure: { readonly outcome: string; readonly error: unknown } | null;
  readonly durationMs: number;
}

/**
 * Never throws for what the other side does. An attempt that is cut off may have arrived all the same: after a timeout
 * and after "stopped" nobody knows.
 */
export async function deliver(
  receiver: Receiver,
  notification: Notification,
  deps: DeliveryDeps,
  { signal }: { signal: AbortSignal },
): Promise<DeliveryResult> {
  const wanted = wantedPart(notification, receiver.sendResolved);
  if (wanted === undefined) return { kind: "unwanted", attempts: 0, outcome: "does not want what is resolved" };
  const { clock, onAttempt, policy = DELIVERY_POLICY } = deps;
  const { name, channel } = receiver;
  const endMs = clock.monotonicMs() + policy.totalMs;
  let outcome = "its turn never came: other notifications were being sent to it";
  for (let attempt = 1; ; attempt++) {
    const tried = await tryInTurn(receiver, wanted, { ...deps, attempt, endMs, signal });
    if (tried === undefined) return ended(signal, attempt - 1, outcome);
    const { failure, durationMs } = tried;
    const isDelivered = failure === null;
    outcome = isDelivered ? "delivered" : failure.outcome;
    const waitMs = isDelivered || signal.aborted ? null : waitAfter(attempt, failure.error, deps, policy);
    const retryInMs = waitMs !== null && clock.monotonicMs() + waitMs < endMs ? waitMs : null;
    onAttempt?.({ receiver: name, channel, attempt, isDelivered, outcome, durationMs, retryInMs });
    if (isDelivered) return { kind: "delivered", attempts: attempt, outcome };
    if (retryInMs === null) return ended(signal, attempt, outcome);
    await pause(retryInMs, deps, signal);
  }
}

function ended(signal: AbortSignal, attempts: number, outcome: string): DeliveryResult {
  return signal.aborted
    ? { kind: "stopped", attempts, outcome: stopped().message }
    : { kind: "failed", attempts, outcome };
}

interface TryOptions extends DeliveryDeps {
  readonly attempt: number;
  /** Monotonic. */
  readonly endMs: number;
  readonly signal: AbortSignal;
}

/** Undefined: the time was up, or the signal came, before it was its turn. */
async function tryInTurn(receiver: Receiver, wanted: Notification, options: TryOptions): Promise<Tried | undefined> {
  const { clock, slots, endMs, signal } = options;
  using whole = new TimeLimit(clock, endMs - clock.monotonicMs(), signal);
  using slot = await slots.take(receiver, { signal: whole.signal });
  if (slot === undefined) return undefined;
  const startedMs = clock.monotonicMs();
  const failure = await trySend(receiver, wanted, options);
  return { failure, durationMs: clock.monotonicMs() - startedMs };
}

async function trySend(receiver: Receiver, wanted: Notification, options: TryOptions): Promise<Tried["failure"]> {
  const { clock, attempt, signal } = options;
  using limit = new TimeLimit(clock, receiver.timeoutMs, signal);
  if (limit.signal.aborted) return { outcome: stopped().message, error: undefined };
  // A receiver that does not heed the signal is not waited for.
  const { promise: cut, reject } = Promise.withResolvers<never>();
  limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
  try {
    await Promise.race([receiver.send(wanted, { signal: limit.signal, attempt }), cut]);
    return null;
  } catch (error) {
    if (limit.isOver) return { outcome: `no answer within ${formatDurationMs(receiver.timeoutMs)}`, error };
    return { outcome: signal.aborted ? stopped().message : outcomeOf(error), error };
  }
}

/** Only our own errors are known to have no secrets in their text. */
function outcomeOf(error: unknown): string {
  if (error instanceof WatchpostError) return error.message;
  return `failed inside of Watchpost: ${error instanceof Error ? error.constructor.name : typeof error}`;
}

/** Null: no other attempt. */
function waitAfter(attempt: number, error: unknown, { random }: DeliveryDeps, policy: DeliveryPolicy): number | null {
  if (attempt >= policy.attemptsMax || !mayHelpToTryAgain(error)) return null;
  const wholeMs = Math.min(policy.waitMaxMs, policy.firstWaitMs * 2 ** Math.min(attempt - 1, 30));
  const waitMs = wholeMs / 2 + (random() * wholeMs) / 2;
  const askedMs = error instanceof WatchpostError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(waitMs, Math.min(askedMs, policy.retryAfterMaxMs));
}

/** Ends early with the signal. */
async function pause(waitMs: number, { clock }: DeliveryDeps, signal: AbortSignal): Promise<void> {
  using limit = new TimeLimit(clock, waitMs, signal);
  if (limit.signal.aborted) return;
  await new Promise((resolve) => limit.signal.addEventListener("abort", resolve, { once: true }));
}
