/** Devices of which something has changed that a restart should know. */
import { grown } from "./grown.ts";

export class Unsaved {
  #isUnsaved = new Uint8Array(0);
  /** Where to look next, so that everybody's turn comes. */
  #next = 0;

  resize(length: number): void {
    this.#isUnsaved = grown(this.#isUnsaved, length);
  }

  add(device: number): void {
    this.#isUnsaved[device] = 1;
  }

  delete(device: number): void {
    this.#isUnsaved[device] = 0;
  }

  /** Up to `max` of them, which are none of them then. Fewer: there are no more. */
  take(max: number): number[] {
    const devices: number[] = [];
    const { length } = this.#isUnsaved;
    for (let looked = 0; looked < length && devices.length < max; looked++) {
      const device = this.#next++ % length;
      if (this.#isUnsaved[device] === 0) continue;
      this.#isUnsaved[device] = 0;
      devices.push(device);
    }
    return devices;
  }
}
