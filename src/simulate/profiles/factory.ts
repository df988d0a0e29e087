import type { Profile } from "../profile.ts";
import { between, clamp, hourOf, isWorkday, Lag, Noise, Switch } from "../signals.ts";

const PARTS_A_SECOND = 0.2;
/** Bearings wear down in about so many hours at full load, and are then replaced. */
const BEARING_HOURS = 2_000;

/** Machines in two shifts: heat, current and vibration follow the load, vibration also the wear of the bearing. */
export const factory: Profile = {
  name: "factory",
  about: "machines in two shifts on workdays: load, heat, vibration, current, parts made",
  device: "machine",
  sensors: [
    { metric: "machine_load_pct", decimals: 1, min: 0, max: 100 },
    { metric: "machine_temperature_c", decimals: 2, min: 5, max: 110 },
    { metric: "machine_vibration_mm_s", decimals: 3, min: 0, max: 18 },
    { metric: "machine_current_a", decimals: 2, min: 0, max: 40 },
    { metric: "machine_parts_total", decimals: 0, min: 0, max: Infinity },
  ],
  isOnBattery: false,
  intervalMs: 5_000,
  start(own) {
    const strength = own.between(0.85, 1.15);
    const load = new Noise(own.split("load"), 6, 600);
    const jam = new Switch(own.split("jam"));
    const heat = new Lag(1_800);
    const hall = new Noise(own.split("hall"), 0.8, 3_600);
    const shake = new Noise(own.split("shake"), 0.12, 5);
    const hum = new Noise(own.split("hum"), 0.15, 2);
    let wear = own.uniform() * 0.6;
    let parts = 0;
    return ({ timeMs, stepS }) => {
      const hour = hourOf(timeMs);
      const isBreak = between(hour, 12, 12.5, 0.05) + between(hour, 18, 18.5, 0.05) > 0.5;
      const isJammed = jam.next(stepS, 240, 4 * 3_600);
      const shift = isWorkday(timeMs) ? between(hour, 6, 22, 0.25) : 0;
      const isRunning = shift > 0 && !isBreak && !isJammed;
      const noise = load.next(stepS);
      const loadPct = isRunning ? clamp(shift * 72 * strength + noise, 5, 100) : 0;
      wear += (loadPct / 100) * (stepS / 3_600 / BEARING_HOURS);
      if (wear > 1) wear = 0;
      parts += (loadPct / 100) * PARTS_A_SECOND * stepS;
      const temperatureC = heat.follow(21 + 0.5 * loadPct * strength, stepS) + hall.next(stepS);
      const vibration = 0.3 + 0.022 * loadPct + 6 * wear ** 3 * (loadPct / 100) + Math.abs(shake.next(stepS));
      const current = 0.6 + 0.28 * loadPct * strength + Math.abs(hum.next(stepS));
      return [loadPct, temperatureC, vibration, current, Math.floor(parts)];
    };
  },
};
