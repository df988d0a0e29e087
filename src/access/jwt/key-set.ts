/**
 * The public keys of an identity provider: fetched at the start, again every few minutes, and when a key is named that is not known.
 * While the provider is away those that are known go on, for a bounded time. Whoever shows keys that nobody knows causes few fetches.
 */
import type { createLocalJWKSet, FlattenedJWSInput, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";

export interface KeySetDeps {
  readonly jose: typeof import("jose");
  readonly clock: Pick<Clock, "monotonicMs" | "after">;
  /** For how long keys are believed after they were fetched. */
  readonly keptMs: number;
  /** Throws where they cannot be had. */
  fetchKeys(): Promise<Readonly<Record<string, unknown>>>;
  onTrouble(sentence: string): void;
}

/** Not known now, while the provider cannot be asked: it may be good. */
export class KeysUnavailable extends Error {}

type Keys = ReturnType<typeof createLocalJWKSet>;

const REFRESH_MS = 5 * 60_000;
const RETRY_MS = 30_000;
/** Between two fetches, whatever is asked for. */
const FETCH_EVERY_MS = 10_000;
const KEYS_MAX = 100;
const ASYMMETRIC = ["RSA", "EC", "OKP"];

export class KeySet {
  readonly #deps: KeySetDeps;
  readonly #listeners = new Set<(kid: string) => void>();
  #keys: Keys | undefined;
  /** Thumbprints of what is known under each kid; "": of those without one. */
  #marks: ReadonlyMap<string, readonly string[]> = new Map();
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #trouble: string | undefined;
  #fetching: Promise<void> | undefined;
  #cancel = () => {};
  #isClosed = false;

  constructor(deps: KeySetDeps) {
    this.#deps = deps;
    void this.#fetch();
  }

  /** Resolves once what is being fetched is there, or could not be had. */
  async settled(): Promise<void> {
    await this.#fetching;
  }

  /** Throws jose's JWKSNoMatchingKey for one that the provider does not have, {@link KeysUnavailable} where that is not known. */
  async keyFor(header: JWSHeaderParameters, token: FlattenedJWSInput) {
    const { JWKSNoMatchingKey } = this.#deps.jose.errors;
    for (let isLast = false; ; isLast = true) {
      try {
        if (this.#keys !== undefined) return await this.#keys(header, token);
      } catch (error) {
        if (!(error instanceof JWKSNoMatchingKey)) throw error;
      }
      if (isLast || !(await this.#fetchedAgain())) {
        if (this.#trouble !== undefined) throw new KeysUnavailable(this.#trouble);
        throw new JWKSNoMatchingKey();
      }
    }
  }

  /** Hears the kid of each key that is not believed any more. */
  onGone(listener: (kid: string) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** Whether there may be something new. */
  async #fetchedAgain(): Promise<boolean> {
    if (this.#fetching === undefined && this.#deps.clock.monotonicMs() - this.#triedAtMs < FETCH_EVERY_MS) return false;
    await this.#fetch();
    return true;
  }

  #fetch(): Promise<void> {
    return (this.#fetching ??= this.#fetchNow().finally(() => (this.#fetching = undefined)));
  }

  async #fetchNow(): Promise<void> {
    const { clock, fetchKeys, onTrouble } = this.#deps;
    this.#cancel();
    this.#triedAtMs = clock.monotonicMs();
    try {
      await this.#take(await fetchKeys());
      this.#fetchedAtMs = clock.monotonicMs();
      this.#trouble = undefined;
    } catch (error) {
      if (this.#isClosed) return;
      this.#trouble = messageOf(error);
      onTrouble(this.#trouble);
    }
    if (this.#isClosed) return;
    const leftMs = this.#fetchedAtMs + this.#deps.keptMs - clock.monotonicMs();
    if (leftMs <= 0) this.#forgetAll();
    const waitMs = this.#trouble === undefined ? REFRESH_MS : RETRY_MS;
    this.#cancel = clock.after(leftMs > 0 ? Math.min(waitMs, leftMs) : waitMs, () => void this.#fetch());
  }

  async #take(document: Readonly<Record<string, unknown>>): Promise<void> {
    const { jose } = this.#deps;
    const listed = document["keys"];
    if (!Array.isArray(listed)) throw new Error("the identity provider's answer has no list of keys");
    if (listed.length > KEYS_MAX) {
      throw new Error(`the identity provider has ${listed.length} keys; wanted at most ${KEYS_MAX}`);
    }
    // A secret that is published by mistake must not become one that tokens are made with.
    const keys = listed.filter((key: JWK | null) => ASYMMETRIC.includes(key?.kty ?? "")) as JWK[];
    if (keys.length === 0) throw new Error("the identity provider's answer has no public keys");
    const marks = new Map<string, string[]>();
    for (const { kid, ...key } of keys) {
      const name = typeof kid === "string" ? kid : "";
      marks.set(name, [...(marks.get(name) ?? []), await jose.calculateJwkThumbprint(key).catch(() => "")]);
    }
    this.#keys = jose.createLocalJWKSet({ keys } as JSONWebKeySet);
    this.#setMarks(marks);
  }

  #forgetAll(): void {
    this.#keys = undefined;
    this.#setMarks(new Map());
  }

  #setMarks(marks: ReadonlyMap<string, readonly string[]>): void {
    const before = this.#marks;
    this.#marks = marks;
    const isGone = (kid: string) => before.get(kid)?.some((mark) => marks.get(kid)?.includes(mark) !== true) === true;
    for (const kid of [...before.keys()].filter(isGone)) for (const listener of this.#listeners) listener(kid);
  }
}
