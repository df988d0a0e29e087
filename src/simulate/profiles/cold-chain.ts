import { Outdoors } from "../outdoors.ts";
import type { Profile } from "../profile.ts";
import { between, hourOf, isWorkday, Noise, Switch } from "../signals.ts";

/** How fast warmth comes in through the walls and through an open door, and goes with the compressor. */
const WALLS_A_SECOND = 1 / (10 * 3_600);
const DOOR_A_SECOND = 1 / 1_500;
const COOLING_C_A_SECOND = 0.012;
/** The longest step that temperatures are reckoned in: longer ones are cut. */
const STEP_S_MAX = 60;
const STEPS_MAX = 1_440;

/** Cold stores: the compressor works between two temperatures, doors let warm and damp air in during the day. */
export const coldChain: Profile = {
  name: "cold-chain",
  about: "cold stores and freezers: temperature, humidity, door, compressor; on battery",
  device: "cooler",
  sensors: [
    { metric: "cooler_temperature_c", decimals: 2, min: -30, max: 30 },
    { metric: "cooler_humidity_pct", decimals: 1, min: 20, max: 100 },
    { metric: "cooler_door_open", decimals: 0, min: 0, max: 1 },
    { metric: "cooler_compressor_w", decimals: 0, min: 0, max: 900 },
  ],
  isOnBattery: true,
  intervalMs: 60_000,
  start(own, site) {
    const outdoors = new Outdoors(site);
    const wantedC = own.pick([-20, 4, 4, 6]);
    const power = own.between(450, 650);
    const door = new Switch(own.split("door"));
    const measured = new Noise(own.split("measured"), 0.08, 120);
    const damp = new Noise(own.split("damp"), 2, 1_800);
    let temperatureC = wantedC + own.between(-1, 1);
    let isCooling = false;
    return (moment) => {
      const { timeMs, stepS } = moment;
      const roomC = 19 + 0.2 * outdoors.next(moment).temperatureC;
      const busy = (isWorkday(timeMs) ? 1 : 0.3) * between(hourOf(timeMs), 5, 20, 1);
      const isOpen = door.next(stepS, 40, busy > 0 ? 900 / busy : 4 * 3_600);
      const steps = Math.min(STEPS_MAX, Math.ceil(stepS / STEP_S_MAX));
      for (let i = 0; i < steps; i++) {
        const partS = Math.min(stepS / steps, STEP_S_MAX);
        if (temperatureC > wantedC + 1) isCooling = true;
        if (temperatureC < wantedC - 1) isCooling = false;
        temperatureC += (roomC - temperatureC) * (WALLS_A_SECOND + (isOpen ? DOOR_A_SECOND : 0)) * partS;
        if (isCooling) temperatureC -= COOLING_C_A_SECOND * partS;
        // Below what it keeps to a compressor stops within seconds.
        temperatureC = Math.max(temperatureC, wantedC - 1.5);
      }
      const humidity = 62 + 4 * (temperatureC - wantedC) + (isOpen ? 8 : 0) + damp.next(stepS);
      const compressorW = isCooling ? power + 2 * (roomC - wantedC) : 4;
      return [temperatureC + measured.next(stepS), humidity, isOpen ? 1 : 0, compressorW];
    };
  },
};
