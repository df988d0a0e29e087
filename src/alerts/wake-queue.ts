/** Who is due when: a binary heap in which what has changed meanwhile is found out when it comes up. */

export interface Sleeper {
  /** Of its entry in the queue; Infinity where it has none. */
  wakesAtMs: number;
  /** Later than `nowMs` where it is not due. */
  dueAtMs(nowMs: number): number;
}

export class WakeQueue<T extends Sleeper> {
  /** The heap, in two columns: a hundred thousand may wait, and an object for each would take three times as much. */
  readonly #atMs: number[] = [];
  readonly #sleepers: T[] = [];

  /** Of the first entry; Infinity where there is none. */
  get nextAtMs(): number {
    return this.#atMs.length === 0 ? Infinity : this.#atMs[0];
  }

  /** Makes sure that it comes up when it is due. */
  schedule(sleeper: T, nowMs = -Infinity): void {
    const atMs = sleeper.dueAtMs(nowMs);
    if (atMs >= sleeper.wakesAtMs) return;
    sleeper.wakesAtMs = atMs;
    this.#push(atMs, sleeper);
  }

  /** The next one that is due, taken out; schedule it again after it was woken. Undefined: none is. */
  take(nowMs: number): T | undefined {
    while (this.nextAtMs <= nowMs) {
      const atMs = this.#atMs[0];
      const sleeper = this.#pop();
      // An entry that a later one has replaced.
      if (atMs !== sleeper.wakesAtMs) continue;
      sleeper.wakesAtMs = Infinity;
      if (sleeper.dueAtMs(nowMs) <= nowMs) return sleeper;
      this.schedule(sleeper, nowMs);
    }
    return undefined;
  }

  #push(atMs: number, sleeper: T): void {
    const times = this.#atMs;
    let at = times.push(atMs) - 1;
    this.#sleepers.push(sleeper);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (times[parent] <= atMs) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, atMs, sleeper);
  }

  #pop(): T {
    const times = this.#atMs;
    const first = this.#sleepers[0];
    const lastAtMs = times.pop()!;
    const last = this.#sleepers.pop()!;
    if (times.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= times.length) break;
      if (child + 1 < times.length && times[child + 1] < times[child]) child++;
      if (times[child] >= lastAtMs) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, lastAtMs, last);
    return first;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#atMs[from], this.#sleepers[from]);
  }

  #put(at: number, atMs: number, sleeper: T): void {
    this.#atMs[at] = atMs;
    this.#sleepers[at] = sleeper;
  }
}
