/** Devices that are heard again and wait to be looked at, in the order in which they were. */
export class HeardAgain {
  #devices: number[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#devices.length;
  }

  add(device: number): void {
    this.#devices.push(device);
  }

  /** There must be one. */
  take(): number {
    const device = this.#devices[this.#first++];
    if (this.isEmpty) [this.#devices, this.#first] = [[], 0];
    return device;
  }
}
