/** Which device is reached through which: children of one parent form a list in columns, so that moving one costs nothing. */
import { grown } from "./grown.ts";

const NONE = -1;

export class Family {
  #parents = new Int32Array(0);
  #firsts = new Int32Array(0);
  #nexts = new Int32Array(0);
  #previous = new Int32Array(0);

  resize(length: number): void {
    this.#parents = grown(this.#parents, length, NONE);
    this.#firsts = grown(this.#firsts, length, NONE);
    this.#nexts = grown(this.#nexts, length, NONE);
    this.#previous = grown(this.#previous, length, NONE);
  }

  /** -1: none. */
  parentOf(device: number): number {
    return this.#parents[device];
  }

  /** -1: none. Nobody is its own parent: that is taken for none. */
  setParent(device: number, parent: number): void {
    const before = this.#parents[device];
    if (before === parent) return;
    if (before !== NONE) this.#leave(device, before);
    if (parent === device || parent === NONE) return;
    const first = this.#firsts[parent];
    this.#parents[device] = parent;
    this.#nexts[device] = first;
    if (first !== NONE) this.#previous[first] = device;
    this.#firsts[parent] = device;
  }

  *childrenOf(device: number): Generator<number, void> {
    for (let child = this.#firsts[device]; child !== NONE; child = this.#nexts[child]) yield child;
  }

  #leave(device: number, parent: number): void {
    const [next, previous] = [this.#nexts[device], this.#previous[device]];
    if (previous === NONE) this.#firsts[parent] = next;
    else this.#nexts[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#parents[device] = NONE;
    this.#nexts[device] = NONE;
    this.#previous[device] = NONE;
  }
}
