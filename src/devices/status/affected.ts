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

interface Group {
  readonly devices: Set<number>;
  /** Of them; goes on with those that are added. */
  readonly rest: Iterator<number>;
  cause: Cause;
}

export class Affected {
  /** By root, in the order of their first causes: what changes to and fro is looked at once, as it is then. None is empty. */
  readonly #groups = new Map<number, Group>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(devices: Iterable<number>, cause: Cause): void {
    let group = this.#groups.get(cause.root);
    for (const device of devices) {
      if (group === undefined) {
        const all = new Set<number>();
        this.#groups.set(cause.root, (group = { devices: all, rest: all.values(), cause }));
      }
      group.devices.add(device);
    }
    if (group !== undefined) group.cause = cause;
  }

  /** Calls `look` with one device, which returns the devices that are next for the same cause; there must be one. */
  takeOne(look: (device: number, cause: Cause) => Iterable<number>): void {
    for (const [root, { devices, rest, cause }] of this.#groups) {
      const { value: device } = rest.next() as IteratorYieldResult<number>;
      devices.delete(device);
      for (const next of look(device, cause)) devices.add(next);
      if (devices.size === 0) this.#groups.delete(root);
      return;
    }
  }
}
