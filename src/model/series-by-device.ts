/**
 * Series by their devices, without keeping the names of those: a device's series share a chain with those of some others. Four
 * bytes a series. Pure.
 */

/** A power of two. */
const CHAINS = 65_536;
/** Ends a chain: no series has that id. */
const END = 0xffff_ffff;

export class SeriesByDevice {
  /** The last that was added to each chain; 0: it is empty. */
  readonly #last = new Uint32Array(CHAINS);
  /** By series: the one before it in its chain, or {@link END}; 0: it is in none. */
  #before = new Uint32Array(1_024);

  /** The same again changes nothing. A series has one device for ever. */
  add(seriesId: number, deviceId: string): void {
    if (seriesId >= this.#before.length) this.#grow(seriesId);
    if (this.#before[seriesId] !== 0) return;
    const chain = chainOf(deviceId);
    this.#before[seriesId] = this.#last[chain] || END;
    this.#last[chain] = seriesId;
  }

  /** All that were added of a device, and perhaps others; undefined where these are more than `max`. */
  of(deviceId: string, max: number): number[] | undefined {
    const found: number[] = [];
    for (let id = this.#last[chainOf(deviceId)]; id !== 0 && id !== END; id = this.#before[id]) {
      if (found.length === max) return undefined;
      found.push(id);
    }
    return found;
  }

  #grow(seriesId: number): void {
    const grown = new Uint32Array(Math.max(seriesId + 1, 2 * this.#before.length));
    grown.set(this.#before);
    this.#before = grown;
  }
}

/** FNV-1a of its UTF-16. */
function chainOf(deviceId: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < deviceId.length; i++) hash = Math.imul(hash ^ deviceId.charCodeAt(i), 0x0100_0193);
  return (hash ^ (hash >>> 16)) & (CHAINS - 1);
}
