/** Changes of flapping devices: of each one a minute is for the journal at most, the others are counted. */

const TELL_EVERY_MS = 60_000;

interface Held {
  /** The code of the status that was told last. */
  told: number;
  toldAtMs: number;
  omitted: number;
}

/** A change to tell: from which status, and how many were left out before it. */
export interface ToldChange {
  readonly before: number;
  readonly omitted: number;
}

export class HeldChanges {
  readonly #held = new Map<number, Held>();

  begin(device: number, status: number, atMs: number): void {
    this.#held.set(device, { told: status, toldAtMs: atMs, omitted: 0 });
  }

  /** Of a flapping device; undefined: it is not told now. The change that began the flapping is. */
  changed(device: number, before: number, status: number, atMs: number): ToldChange | undefined {
    const held = this.#held.get(device);
    if (held === undefined) {
      this.begin(device, status, atMs);
      return { before, omitted: 0 };
    }
    held.omitted++;
    return this.due(device, status, atMs);
  }

  /** What may be told by now of a device that has this status. */
  due(device: number, status: number, atMs: number): ToldChange | undefined {
    const held = this.#held.get(device);
    if (held === undefined || atMs < this.dueAtMs(device, status)) return undefined;
    // The one that is told was counted with them.
    const told = { before: held.told, omitted: held.omitted - 1 };
    this.begin(device, status, atMs);
    return told;
  }

  /** Infinity where what was told still is so. */
  dueAtMs(device: number, status: number): number {
    const held = this.#held.get(device);
    return held === undefined || held.told === status ? Infinity : held.toldAtMs + TELL_EVERY_MS;
  }

  /** What is told when the flapping is over, whether or not the status is another one. */
  end(device: number, status: number): ToldChange | undefined {
    const held = this.#held.get(device);
    this.#held.delete(device);
    return held && { before: held.told, omitted: held.told === status ? held.omitted : held.omitted - 1 };
  }

  forget(device: number): void {
    this.#held.delete(device);
  }
}
