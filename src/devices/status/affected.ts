/** Devices to be looked at again, since what they are reached through has changed: there may be many, so they are taken one by one. */

/** Of changes that are made by one event. */
export interface Cause {
  /** Inner. */
  readonly atMs: number;
  /** The device that has changed; -1: it is no longer above them. */
  readonly root: number;
  /** Whose doing it is; "": nobody's. */
  readonly by: string;
}

export class Affected {
  /** In the order of their causes. */
  #groups: { readonly devices: number[]; readonly cause: Cause }[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#groups.length;
  }

  add(devices: Iterable<number>, cause: Cause): void {
    const all = [...devices];
    if (all.length > 0) this.#groups.push({ devices: all, cause });
  }

  /** Calls `look` with one device, which returns the devices that are next for the same cause; there must be one. */
  takeOne(look: (device: number, cause: Cause) => Iterable<number>): void {
    const { devices, cause } = this.#groups[this.#first];
    for (const next of look(devices.pop()!, cause)) devices.push(next);
    if (devices.length > 0) return;
    this.#first++;
    if (!this.isEmpty && this.#first < 1_000) return;
    this.#groups = this.#groups.slice(this.#first);
    this.#first = 0;
  }
}
