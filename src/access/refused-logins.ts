/**
 * What is shown and not good: counted, logged, and after a few times from one address answered with a time to wait that grows. What is
 * good is taken all the same: behind one address there may be many, and nobody guesses a credential.
 */
import type { Clock } from "../model/clock.ts";
import { WatchpostError, type StatusName } from "../model/errors.ts";
import { networkOf } from "../model/network.ts";
import type { Refusal, RefusalReason } from "./credential.ts";
import { TOO_MANY_CREDENTIALS } from "../wire/refused-login.ts";

export interface RefusedLogin {
  readonly address: string;
  readonly reason: RefusalReason;
  /** In a sentence; never what was shown. */
  readonly why: string;
  /** Others, of whatever address, that were not told of since the last one. */
  readonly more: number;
}

export interface RefusedLoginsDeps {
  readonly clock: Pick<Clock, "monotonicMs">;
  onRefused(reason: RefusalReason): void;
  /** Told of each address and reason once in a while. */
  onLogin(login: RefusedLogin): void;
}

interface Failing {
  /** Failures that are not forgiven yet, as of `atMs`. */
  count: number;
  atMs: number;
  waitUntilMs: number;
  /** Of what is costly to look at, while it is to wait. */
  triesLeft: number;
  triedAtMs: number;
  readonly toldAtMs: Map<RefusalReason, number>;
}

const ADDRESSES_MAX = 10_000;
/** One failure is forgiven in such a time. */
const FORGIVEN_MS = 60_000;
const [WAIT_MS_MIN, WAIT_MS_MAX] = [1_000, 60_000];
const TOLD_EVERY_MS = 60_000;
const TOLD_PER_MINUTE_MAX = 60;
const FREE_FAILURES = 10;
/** Pages whose session has ended ask several things at once. */
const WEIGHT: Partial<Record<RefusalReason, number>> = { ended_session: 0.1 };
const [TRIES_MAX, TRIES_PER_MS] = [10, 10 / 1_000];
const [RETRY_KEYS_MS, RETRY_BUSY_MS] = [5_000, 1_000];
/** Nobody has tried anything. */
const NO_ATTEMPT: ReadonlySet<RefusalReason> = new Set(["no_credential", "through_proxy"]);

export class RefusedLogins {
  readonly #deps: RefusedLoginsDeps;
  /** By address; the one that failed longest ago first. */
  readonly #failing = new Map<string, Failing>();
  #told = { minute: 0, count: 0 };
  #untold = 0;

  constructor(deps: RefusedLoginsDeps) {
    this.#deps = deps;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#failing.size;
  }

  /** What whoever called from `peer` is told. */
  errorOf(peer: string, refusal: Refusal): WatchpostError {
    const { reason, message } = refusal;
    this.#deps.onRefused(reason);
    if (reason === "keys_unavailable") {
      return new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_KEYS_MS });
    }
    if (reason === "busy") return new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_BUSY_MS });
    if (NO_ATTEMPT.has(reason)) return new WatchpostError("UNAUTHENTICATED", message);
    const nowMs = this.#deps.clock.monotonicMs();
    const address = networkOf(peer);
    const failing = this.#failingAt(address, nowMs);
    this.#tell(failing, address, refusal, nowMs);
    if (nowMs < failing.waitUntilMs) {
      const retryAfterMs = Math.ceil(failing.waitUntilMs - nowMs);
      const seconds = Math.ceil(retryAfterMs / 1_000);
      const told = `${TOO_MANY_CREDENTIALS} ${address} were not good; try another one, or again in ${seconds} s. This one: ${message}`;
      return new WatchpostError("RESOURCE_EXHAUSTED", told, { retryAfterMs });
    }
    const overMax = Math.log2(WAIT_MS_MAX / WAIT_MS_MIN) + 1;
    failing.count = Math.min(failing.count + (WEIGHT[reason] ?? 1), FREE_FAILURES + overMax);
    const over = failing.count - FREE_FAILURES;
    if (over > 0) failing.waitUntilMs = nowMs + Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (over - 1));
    return new WatchpostError(statusOf(reason), message);
  }

  /** Whether what takes long to look at is looked at: from where much was not good a little of it, so that others there come through. */
  mayTry(peer: string): boolean {
    const failing = this.#failing.get(networkOf(peer));
    const nowMs = this.#deps.clock.monotonicMs();
    if (failing === undefined || nowMs >= failing.waitUntilMs) return true;
    failing.triesLeft = Math.min(TRIES_MAX, failing.triesLeft + (nowMs - failing.triedAtMs) * TRIES_PER_MS);
    failing.triedAtMs = nowMs;
    if (failing.triesLeft < 1) return false;
    failing.triesLeft--;
    return true;
  }

  #failingAt(address: string, nowMs: number): Failing {
    const none = { count: 0, atMs: nowMs, waitUntilMs: 0, triesLeft: TRIES_MAX, triedAtMs: nowMs };
    const found: Failing = this.#failing.get(address) ?? { ...none, toldAtMs: new Map() };
    found.count = Math.max(0, found.count - (nowMs - found.atMs) / FORGIVEN_MS);
    found.atMs = nowMs;
    this.#failing.delete(address);
    if (this.#failing.size >= ADDRESSES_MAX) this.#failing.delete(this.#failing.keys().next().value!);
    this.#failing.set(address, found);
    return found;
  }

  /** One line of each address and reason in a minute, and not too many of all. */
  #tell(failing: Failing, address: string, { reason, message: why }: Refusal, nowMs: number): void {
    const minute = Math.floor(nowMs / TOLD_EVERY_MS);
    if (this.#told.minute !== minute) this.#told = { minute, count: 0 };
    const isNew = nowMs - (failing.toldAtMs.get(reason) ?? -Infinity) >= TOLD_EVERY_MS;
    if (!isNew || this.#told.count >= TOLD_PER_MINUTE_MAX) return void this.#untold++;
    failing.toldAtMs.set(reason, nowMs);
    this.#told.count++;
    this.#deps.onLogin({ address, reason, why, more: this.#untold });
    this.#untold = 0;
  }
}

function statusOf(reason: RefusalReason): StatusName {
  return reason === "no_role" ? "PERMISSION_DENIED" : "UNAUTHENTICATED";
}
