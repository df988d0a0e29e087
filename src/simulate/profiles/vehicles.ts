import { Outdoors } from "../outdoors.ts";
import type { Profile } from "../profile.ts";
import { between, clamp, hourOf, isWorkday, Lag, Noise, Switch } from "../signals.ts";

const METERS_A_DEGREE = 111_320;
/** About the yard that vehicles start from. */
const REACH_M = 20_000;
/** The longest step that ways are reckoned in: longer ones are cut. */
const STEP_S_MAX = 10;
const STEPS_MAX = 360;

/** Vehicles that drive about a yard by day: a track by GPS, and speed, fuel, engine and odometer that belong to it. */
export const vehicles: Profile = {
  name: "vehicles",
  about: "vans with GPS: latitude, longitude, speed, heading, fuel, engine temperature, odometer",
  device: "van",
  sensors: [
    { metric: "vehicle_latitude_deg", decimals: 6, min: -85, max: 85 },
    { metric: "vehicle_longitude_deg", decimals: 6, min: -180, max: 180 },
    { metric: "vehicle_speed_km_h", decimals: 1, min: 0, max: 130 },
    { metric: "vehicle_heading_deg", decimals: 0, min: 0, max: 360 },
    { metric: "vehicle_fuel_pct", decimals: 1, min: 0, max: 100 },
    { metric: "vehicle_engine_temperature_c", decimals: 1, min: -35, max: 120 },
    { metric: "vehicle_odometer_km", decimals: 2, min: 0, max: Infinity },
  ],
  isOnBattery: false,
  intervalMs: 5_000,
  start(own, site) {
    const outdoors = new Outdoors(site);
    const yard = site.split("yard");
    const homeDeg = [yard.between(44, 54), yard.between(2, 20)] as const;
    const metersEast = METERS_A_DEGREE * Math.cos((homeDeg[0] * Math.PI) / 180);
    const stops = new Switch(own.split("stops"));
    const pace = new Noise(own.split("pace"), 14, 90);
    const turn = new Noise(own.split("turn"), 1.2, 20);
    const gps = [new Noise(own.split("north"), 2, 30), new Noise(own.split("east"), 2, 30)] as const;
    const speed = new Lag(6);
    const engine = new Lag(420);
    let [north, east] = [own.between(-500, 500), own.between(-500, 500)];
    let heading = own.between(0, 360);
    let fuel = own.between(40, 100);
    let odometerKm = Math.floor(own.between(5_000, 180_000));
    return (moment) => {
      const { timeMs, stepS } = moment;
      const outsideC = outdoors.next(moment).temperatureC;
      const isOut = between(hourOf(timeMs), 6, 19, 0.1) > 0.5 && (isWorkday(timeMs) || hourOf(timeMs) < 13);
      const stands = stops.next(stepS, 240, 900) || !isOut;
      const wantedKmH = stands ? 0 : clamp(48 + pace.next(stepS), 8, 125);
      const turning = turn.next(stepS);
      const steps = Math.min(STEPS_MAX, Math.ceil(stepS / STEP_S_MAX));
      let kmH = speed.follow(wantedKmH, 0);
      for (let i = 0; i < steps; i++) {
        const partS = Math.min(stepS / steps, STEP_S_MAX);
        kmH = speed.follow(wantedKmH, partS);
        const meters = (kmH / 3.6) * partS;
        if (meters > 0) heading += turning * partS + homeward(north, east, heading);
        north += meters * Math.cos((heading * Math.PI) / 180);
        east += meters * Math.sin((heading * Math.PI) / 180);
        odometerKm += meters / 1_000;
        fuel -= meters / 9_000 + (wantedKmH > 0 ? partS / 36_000 : 0);
      }
      if (fuel < 12 && kmH < 1) fuel = 100;
      const engineC = engine.follow(isOut ? 90 + 0.04 * kmH : outsideC, stepS);
      const latitude = homeDeg[0] + (north + gps[0].next(stepS)) / METERS_A_DEGREE;
      const longitude = homeDeg[1] + (east + gps[1].next(stepS)) / metersEast;
      return [latitude, longitude, kmH < 0.3 ? 0 : kmH, ((heading % 360) + 360) % 360, fuel, engineC, odometerKm];
    };
  },
};

/** Degrees to turn by where the reach ends. */
function homeward(north: number, east: number, heading: number): number {
  if (Math.hypot(north, east) < REACH_M) return 0;
  const home = (Math.atan2(-east, -north) * 180) / Math.PI;
  const off = ((((home - heading) % 360) + 540) % 360) - 180;
  return clamp(off, -20, 20);
}
