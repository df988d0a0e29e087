/** How many sends to a receiver run at once; the others wait in turn, and each receiver has turns of its own. */

interface Lane {
  taken: number;
  /** Called when its turn has come; the next first. */
  readonly waiting: Set<() => void>;
}

export class Slots {
  readonly #slotsMax: number;
  readonly #lanes = new WeakMap<object, Lane>();

  /** Each receiver has `slotsMax`. */
  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  /** Resolves with a slot, free again when disposed of; undefined where the signal came first. */
  async take(receiver: object, { signal }: { signal: AbortSignal }): Promise<Disposable | undefined> {
    const lane = this.#laneOf(receiver);
    if (signal.aborted) return undefined;
    if (lane.taken < this.#slotsMax) lane.taken++;
    else if (!(await turn(lane, signal))) return undefined;
    let isHeld = true;
    return {
      [Symbol.dispose]() {
        if (isHeld) release(lane);
        isHeld = false;
      },
    };
  }

  #laneOf(receiver: object): Lane {
    let lane = this.#lanes.get(receiver);
    if (lane === undefined) this.#lanes.set(receiver, (lane = { taken: 0, waiting: new Set() }));
    return lane;
  }
}

/** Whether a slot was handed on before the signal came. */
async function turn(lane: Lane, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onTurn = () => resolve(true);
  const onAbort = () => {
    if (lane.waiting.delete(onTurn)) resolve(false);
  };
  lane.waiting.add(onTurn);
  signal.addEventListener("abort", onAbort, { once: true });
  const isMine = await promise;
  signal.removeEventListener("abort", onAbort);
  return isMine;
}

/** A slot goes straight to who waits, so that nobody who comes meanwhile is served first. */
function release(lane: Lane): void {
  const [next] = lane.waiting;
  if (next === undefined) {
    lane.taken--;
    return;
  }
  lane.waiting.delete(next);
  next();
}
