/** Who is due when: a binary heap in which what has changed meanwhile is found out when it comes up. */

export interface Sleeper {
  /** Of its entry in the queue; Infinity where it has none. */
  wakesAtMs: number;
  /** Later than `nowMs` where it is not due. */
  dueAtMs(nowMs: number): number;
}

export class WakeQueue<T extends Sleeper> {
  readonly #heap: { readonly atMs: number; readonly sleeper: T }[] = [];

  /** Of the first entry; Infinity where there is none. */
  get nextAtMs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].atMs;
  }

  /** Makes sure that it comes up when it is due. */
  schedule(sleeper: T, nowMs = -Infinity): void {
    const atMs = sleeper.dueAtMs(nowMs);
    if (atMs >= sleeper.wakesAtMs) return;
    sleeper.wakesAtMs = atMs;
    this.#push({ atMs, sleeper });
  }

  /** The next one that is due, taken out; schedule it again after it was woken. Undefined: none is. */
  take(nowMs: number): T | undefined {
    while (this.#heap.length > 0 && this.#heap[0].atMs <= nowMs) {
      const { atMs, sleeper } = this.#pop();
      // An entry that a later one has replaced.
      if (atMs !== sleeper.wakesAtMs) continue;
      sleeper.wakesAtMs = Infinity;
      if (sleeper.dueAtMs(nowMs) <= nowMs) return sleeper;
      this.schedule(sleeper, nowMs);
    }
    return undefined;
  }

  #push(entry: { readonly atMs: number; readonly sleeper: T }): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (heap[parent].atMs <= entry.atMs) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): { readonly atMs: number; readonly sleeper: T } {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].atMs < heap[child].atMs) child++;
      if (heap[child].atMs >= last.atMs) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
