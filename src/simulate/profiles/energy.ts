import type { Profile } from "../profile.ts";
import { between, hourOf, isWorkday, Noise, Switch } from "../signals.ts";

/** Electricity meters of households: power with its peaks in the morning and evening, and what follows from it. */
export const energy: Profile = {
  name: "energy",
  about: "electricity meters: power, voltage, current, frequency, energy counted",
  device: "meter",
  sensors: [
    { metric: "meter_power_w", decimals: 0, min: 0, max: 20_000 },
    { metric: "meter_voltage_v", decimals: 1, min: 207, max: 253 },
    { metric: "meter_current_a", decimals: 2, min: 0, max: 100 },
    { metric: "meter_frequency_hz", decimals: 3, min: 49.5, max: 50.5 },
    { metric: "meter_energy_kwh_total", decimals: 3, min: 0, max: Infinity },
  ],
  isOnBattery: false,
  intervalMs: 10_000,
  start(own, site) {
    const size = own.between(0.6, 1.8);
    const flicker = new Noise(own.split("flicker"), 0.12, 900);
    const kettle = new Switch(own.split("kettle"));
    const oven = new Switch(own.split("oven"));
    const grid = new Noise(site.split("grid"), 1.5, 1_800);
    const frequency = new Noise(site.split("frequency"), 0.018, 60);
    let kwh = Math.floor(own.between(1_000, 40_000));
    return ({ timeMs, stepS }) => {
      const hour = hourOf(timeMs);
      const evening = between(hour, 17, 22.5, 2);
      const morning = isWorkday(timeMs) ? between(hour, 6, 9, 1) : between(hour, 8, 12, 1.5);
      const base = size * (140 + 320 * morning + 620 * evening) * (1 + flicker.next(stepS));
      const awake = Math.max(morning, evening, 0.05);
      const boiling = kettle.next(stepS, 150, 3_000 / awake) ? 2_000 : 0;
      const baking = oven.next(stepS, 1_800, 14_400 / awake) ? 1_800 : 0;
      const powerW = Math.max(25, base) + boiling + baking;
      const voltageV = 231 + grid.next(stepS) - 1.5 * evening - powerW / 2_500;
      kwh += (powerW * stepS) / 3_600_000;
      return [powerW, voltageV, powerW / voltageV / 0.97, 50 + frequency.next(stepS), kwh];
    };
  },
};
