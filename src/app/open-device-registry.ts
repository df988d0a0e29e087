/** Devices, which are heard from what is committed on. */
import type { Config } from "../config/config.ts";
import { openDevices, type OpenDevices } from "../devices/open-devices.ts";
import type { LatestPoint } from "../devices/device-message.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { Storage } from "./open-storage.ts";

export interface DeviceRegistryDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly scopes: SeriesScopes;
  valueOf(seriesId: number): LatestPoint | undefined;
  /** Resolves once {@link valueOf} knows what other nodes know of these. */
  learn(seriesIds: Uint32Array): Promise<void>;
}

/** `opening` closes what was opened. */
export async function openDeviceRegistry(
  config: Config,
  {
    registry,
    schemas,
    bus,
    heardBus,
    journal,
    lasting,
    storeOpened,
    garbage,
    isClockTrusted,
    whenClockTrusted,
  }: Storage,
  { logger, clock, scopes, valueOf, learn }: DeviceRegistryDeps,
  opening: AsyncDisposableStack,
): Promise<OpenDevices> {
  const devices = await openDevices({
    ...{ registry, schemas, bus: heardBus ?? bus, clock, journal, garbage, scopes, valueOf, learn },
    isTold: heardBus !== undefined,
    ...(lasting && { lasting }),
    latest: storeOpened.latest,
    devicesMax: config.devices.max,
    pause: () => new Promise((resolve) => void setImmediate(resolve)),
    onTrouble: (sentence) => logger.error({ trouble: sentence }, "devices have trouble"),
    onNotice: (sentence) => logger.warn({ notice: sentence }, "devices do what they should not"),
  });
  opening.defer(() => devices.close());
  devices.setHearing(isClockTrusted(), "clock");
  whenClockTrusted(() => devices.setHearing(true, "clock"));
  return devices;
}
