/** Devices as a test or a backtest has them stand, on a clock of its own. */
import type { DeviceStanding, DeviceStandings } from "../model/device-standing.ts";

type Listener = (device: string, standing: DeviceStanding | undefined) => void;

export class SimulatedDevices implements DeviceStandings {
  readonly #standings: Map<string, DeviceStanding>;
  readonly #listeners = new Set<Listener>();

  /** `standings`: how they stand at the beginning. */
  constructor(standings: Iterable<DeviceStanding> = []) {
    this.#standings = new Map(Array.from(standings, (standing) => [standing.device, standing]));
  }

  get count(): number {
    return this.#standings.size;
  }

  having(statuses: readonly string[]): Iterable<DeviceStanding> {
    return [...this.#standings.values()].filter(({ status }) => statuses.includes(status));
  }

  get(device: string): DeviceStanding | undefined {
    return this.#standings.get(device);
  }

  follow(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Undefined: it is deleted. */
  stand(device: string, standing: DeviceStanding | undefined): void {
    if (standing === undefined) this.#standings.delete(device);
    else this.#standings.set(device, standing);
    for (const listener of this.#listeners) listener(device, standing);
  }
}
