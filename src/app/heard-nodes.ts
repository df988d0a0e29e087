/** Which nodes tell the desk of the devices that they hear. While one that lives does not, silence may be its silence. */
import type { HeardNodes as Joining } from "../devices/serve-heard.ts";
import type { Clock } from "../model/clock.ts";

export interface HeardNodesDeps {
  readonly clock: Clock;
  /** Ids of nodes that live, as far as is known; this one left out. */
  others(): Iterable<string>;
}

/** A node says once in half a second that it is there. */
const SILENT_MS = 4_000;
const LOOK_MS = 500;

interface Telling {
  heardAtMs: number;
  end(): void;
}

export class HeardNodes implements Joining {
  readonly #deps: HeardNodesDeps;
  readonly #nodes = new Map<string, Telling>();
  readonly #listeners = new Set<(hearsAll: boolean) => void>();
  #hearsAll = true;
  #turn = Promise.resolve();
  #cancelLook = () => {};

  constructor(deps: HeardNodesDeps) {
    this.#deps = deps;
    this.#lookLater();
  }

  /** Every other node that lives tells this one what it hears: who is not heard is silent. */
  get hearsAll(): boolean {
    return this.#hearsAll;
  }

  /** Calls `listener` when {@link hearsAll} has changed. Returns what ends it. */
  follow(listener: (hearsAll: boolean) => void): () => void {
    const own = (hearsAll: boolean) => listener(hearsAll);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  join(nodeId: string, end: () => void): ReturnType<Joining["join"]> {
    const { clock } = this.#deps;
    this.#nodes.get(nodeId)?.end();
    const telling: Telling = { heardAtMs: clock.monotonicMs(), end };
    this.#nodes.set(nodeId, telling);
    return {
      heard: () => {
        telling.heardAtMs = clock.monotonicMs();
        if (!this.#hearsAll) this.look();
      },
      leave: () => {
        if (this.#nodes.get(nodeId) !== telling) return;
        this.#nodes.delete(nodeId);
        this.look();
      },
    };
  }

  /** Of hundreds of streams that are heard at once, as when the desk has moved, one after the other. */
  turn(): Promise<void> {
    return (this.#turn = this.#turn.then(() => new Promise<void>((resolve) => void setImmediate(resolve))));
  }

  /** Others live, maybe. */
  look(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    let hearsAll = true;
    for (const id of this.#deps.others()) {
      if (!(nowMs - (this.#nodes.get(id)?.heardAtMs ?? -Infinity) <= SILENT_MS)) hearsAll = false;
    }
    if (hearsAll === this.#hearsAll) return;
    this.#hearsAll = hearsAll;
    for (const listener of [...this.#listeners]) listener(hearsAll);
  }

  /** The streams end. */
  end(): void {
    for (const { end } of [...this.#nodes.values()]) end();
  }

  close(): void {
    this.#cancelLook();
    this.end();
  }

  #lookLater(): void {
    this.#cancelLook = this.#deps.clock.after(LOOK_MS, () => {
      this.look();
      this.#lookLater();
    });
  }
}
