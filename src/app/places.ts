import type { DevicesOfSeries } from "../model/series-scopes.ts";

/** Where devices are, asked of whoever knows: of devices as they are opened, and of what was followed before. */
export class Places implements DevicesOfSeries {
  #devices: DevicesOfSeries | undefined;

  /** Asks these from now on. Whoever remembers where series are has to be told what has moved. */
  use(devices: DevicesOfSeries): void {
    this.#devices = devices;
  }

  siteOf(deviceId: string): string {
    return this.#devices?.siteOf(deviceId) ?? "";
  }

  seriesOf(deviceId: string): Iterable<number> {
    return this.#devices?.seriesOf(deviceId) ?? [];
  }
}
