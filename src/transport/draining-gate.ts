/**
 * A gate of a server that can be drained: then it takes no new streams, and those there are end one after the other with UNAVAILABLE, so
 * that their clients go on elsewhere. Calls with one answer are taken all the same, and so are those of other nodes.
 */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Admission, Caller, PageGate } from "../wire/gate.ts";
import type { MethodImpl, Principal } from "../wire/service.ts";
import { nameOf } from "./guarded.ts";
import type { HealthState } from "./health.ts";

type Cut = (why: WatchpostError) => void;

export interface DrainingGateDeps {
  readonly gate: PageGate;
  readonly health: HealthState;
  readonly clock: Clock;
}

const REASON = "it is being drained";
/** Streams end over so long, in so many steps: wherever they go on has time to take them. */
const [OVER_MS, STEPS] = [2_000, 40];
const RETRY_AFTER_MS = 1_000;
/** How a principal is proven that is another node itself, and not whoever it calls for. */
const BY_NODE = "node";
const STREAMING_ROUTES = ["http.tunnel", "http.live"];

export class DrainingGate implements PageGate {
  readonly #deps: DrainingGateDeps;
  readonly #streams = new Set<string>(STREAMING_ROUTES);
  readonly #open = new Set<Cut>();
  readonly #listeners = new Set<() => void>();
  #isDraining = false;
  #cancel = () => {};

  constructor(deps: DrainingGateDeps) {
    this.#deps = deps;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Which of these stream: before any of them is called. */
  serve(methods: readonly MethodImpl[]): void {
    for (const impl of methods) if (impl.kind !== "unary") this.#streams.add(nameOf(impl));
  }

  /** Calls `listener` when it begins or ends to be drained. Returns what ends it. */
  follow(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Says NOT_SERVING from now on. Idempotent. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#deps.health.fail(REASON);
    for (const listener of [...this.#listeners]) listener();
    this.#endSome(Math.ceil(this.#open.size / STEPS));
  }

  /** Takes streams again. */
  undo(): void {
    if (!this.#isDraining) return;
    this.#isDraining = false;
    this.#cancel();
    const { health } = this.#deps;
    if (health.reason === REASON) health.fail(undefined);
    for (const listener of [...this.#listeners]) listener();
  }

  admit(name: string, caller: Caller): Admission | Promise<Admission> {
    const admission = this.#deps.gate.admit(name, caller);
    if (!this.#streams.has(name)) return admission;
    return admission instanceof Promise ? admission.then((admitted) => this.#held(admitted)) : this.#held(admission);
  }

  callableBy(principal: Principal): readonly string[] {
    return this.#deps.gate.callableBy(principal);
  }

  #held(admission: Admission): Admission {
    // What is on the disk here other nodes read until it stops, and nowhere else.
    if (admission.principal.via === BY_NODE) return admission;
    if (this.#isDraining) throw unavailable();
    return {
      ...admission,
      hold: (cut) => {
        const own: Cut = (why) => {
          this.#open.delete(own);
          cut(why);
        };
        const release = admission.hold(own);
        this.#open.add(own);
        return () => {
          this.#open.delete(own);
          release();
        };
      },
    };
  }

  #endSome(count: number): void {
    const some = [...this.#open].slice(0, Math.max(1, count));
    for (const cut of some) cut(unavailable());
    this.#cancel = this.#deps.clock.after(OVER_MS / STEPS, () => this.#endSome(count));
  }
}

function unavailable(): WatchpostError {
  const message = "this node is being drained: go on at another one";
  return new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS });
}
