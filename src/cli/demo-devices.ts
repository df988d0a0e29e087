/** What is said of the demo's devices: where they are, what they are, units and valid ranges of their sensors. */
import type { Connection } from "../client/connection.ts";
import { importDevices } from "../client/devices.ts";
import { BATTERY, type Sensor } from "../simulate/profile.ts";
import { identityOf } from "../simulate/fleet.ts";
import { DEMO_FLEETS } from "./demo-fleets.ts";

/** By how a metric's name ends. */
const UNITS: readonly (readonly [ending: string, unit: string])[] = [
  ["_pct", "%"],
  ["_mm_s", "mm/s"],
  ["_c", "°C"],
  ["_a", "A"],
  ["_w", "W"],
];
const NAMES: Readonly<Record<string, string>> = { plant: "Machine", stores: "Cold store" };

export async function saveDemoDevices(connection: Connection): Promise<void> {
  const devices = DEMO_FLEETS.flatMap((fleet) => {
    const { profile, site } = fleet;
    const sensors = profile.isOnBattery ? [...profile.sensors, BATTERY] : profile.sensors;
    return Array.from({ length: fleet.devices }, (_, i) => ({
      deviceId: identityOf(fleet, i).device,
      ...{ name: `${NAMES[fleet.name]} ${i + 1}`, site, type: profile.device, sensors: sensors.map(sensorOf) },
    }));
  });
  const content = Buffer.from(JSON.stringify(devices));
  await importDevices(connection, { format: "json", content, userId: "demo" });
}

function sensorOf({ metric, min, max, decimals }: Sensor): object {
  const [, unit] = UNITS.find(([ending]) => metric.endsWith(ending)) ?? ["", ""];
  const range = { ...(Number.isFinite(min) && { validMin: min }), ...(Number.isFinite(max) && { validMax: max }) };
  return { metricName: metric, unit, precision: decimals, ...range };
}
