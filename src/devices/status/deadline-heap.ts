/** Which device is due next: a binary heap in columns with one entry a device, which can be moved. */
import { grown } from "./grown.ts";

export class DeadlineHeap {
  /** By place in the heap. */
  #devices = new Int32Array(0);
  #length = 0;
  /** By device. */
  #atMs = new Float64Array(0);
  /** Place of a device in the heap, plus one; 0: it has none. */
  #places = new Int32Array(0);

  resize(length: number): void {
    this.#devices = grown(this.#devices, length);
    this.#atMs = grown(this.#atMs, length, Infinity);
    this.#places = grown(this.#places, length);
  }

  /** Infinity where none is due ever. */
  get nextAtMs(): number {
    return this.#length === 0 ? Infinity : this.#atMs[this.#devices[0]];
  }

  /** That is due first; there must be one. */
  get next(): number {
    return this.#devices[0];
  }

  atMs(device: number): number {
    return this.#places[device] === 0 ? Infinity : this.#atMs[device];
  }

  /** Infinity takes it out. */
  set(device: number, atMs: number): void {
    let place = this.#places[device] - 1;
    if (atMs === Infinity) {
      if (place >= 0) this.#remove(place);
      return;
    }
    if (place < 0) place = this.#length++;
    this.#atMs[device] = atMs;
    this.#put(place, device);
    this.#up(place);
    this.#down(this.#places[device] - 1);
  }

  #remove(place: number): void {
    this.#places[this.#devices[place]] = 0;
    const last = this.#devices[--this.#length];
    if (place === this.#length) return;
    this.#put(place, last);
    this.#up(place);
    this.#down(this.#places[last] - 1);
  }

  #up(from: number): void {
    const device = this.#devices[from];
    const atMs = this.#atMs[device];
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (this.#atMs[this.#devices[parent]] <= atMs) break;
      this.#put(place, this.#devices[parent]);
      place = parent;
    }
    this.#put(place, device);
  }

  #down(from: number): void {
    const device = this.#devices[from];
    const atMs = this.#atMs[device];
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#length) break;
      if (child + 1 < this.#length && this.#atMs[this.#devices[child + 1]] < this.#atMs[this.#devices[child]]) child++;
      if (this.#atMs[this.#devices[child]] >= atMs) break;
      this.#put(place, this.#devices[child]);
      place = child;
    }
    this.#put(place, device);
  }

  #put(place: number, device: number): void {
    this.#devices[place] = device;
    this.#places[device] = place + 1;
  }
}
