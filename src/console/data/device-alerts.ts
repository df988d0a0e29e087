/** What fires about each device. */
import { computed } from "@preact/signals";
import { alertBook, alertsVersion } from "./alerts.ts";

export interface DeviceAlerts {
  readonly count: number;
  /** Of the gravest; 0 is critical. */
  readonly rank: number;
  /** How many are as grave. */
  readonly gravest: number;
}

const byDevice = computed(() => {
  void alertsVersion.value;
  const found = new Map<string, { count: number; rank: number; gravest: number }>();
  for (const { device, rank } of alertBook.active) {
    if (device === "") continue;
    const alerts = found.get(device);
    if (alerts === undefined) found.set(device, { count: 1, rank, gravest: 1 });
    else {
      alerts.count++;
      if (rank < alerts.rank) [alerts.rank, alerts.gravest] = [rank, 0];
      if (rank === alerts.rank) alerts.gravest++;
    }
  }
  return found as ReadonlyMap<string, DeviceAlerts>;
});

export const deviceAlertsVersion = alertsVersion;

/** Undefined: nothing does. */
export function alertsOf(device: string): DeviceAlerts | undefined {
  return byDevice.value.get(device);
}
