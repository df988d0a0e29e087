import { Outdoors } from "../outdoors.ts";
import type { Profile } from "../profile.ts";
import { between, clamp, hourOf, isWorkday, Lag, Noise } from "../signals.ts";

/** Rooms of an office: people come in the morning; warmth, CO₂ and dampness follow them, light the sun as well. */
export const building: Profile = {
  name: "building",
  about: "rooms of an office: people, temperature, CO2, humidity, light; on battery",
  device: "room",
  sensors: [
    { metric: "room_people", decimals: 0, min: 0, max: 30 },
    { metric: "room_temperature_c", decimals: 2, min: 10, max: 40 },
    { metric: "room_co2_ppm", decimals: 0, min: 380, max: 3_000 },
    { metric: "room_humidity_pct", decimals: 1, min: 10, max: 95 },
    { metric: "room_light_lux", decimals: 0, min: 0, max: 5_000 },
  ],
  isOnBattery: true,
  intervalMs: 60_000,
  start(own, site) {
    const outdoors = new Outdoors(site);
    const seats = 2 + own.below(14);
    const early = own.between(-0.7, 0.7);
    const window = own.between(0.2, 1);
    const coming = new Noise(own.split("coming"), 0.2, 1_800);
    const air = new Lag(1_500);
    const warmth = new Lag(2 * 3_600);
    const draught = new Noise(own.split("draught"), 0.25, 900);
    const breath = new Noise(own.split("breath"), 12, 300);
    const damp = new Noise(own.split("damp"), 1.5, 3_600);
    return (moment) => {
      const { timeMs, stepS } = moment;
      const weather = outdoors.next(moment);
      const hour = hourOf(timeMs) + early;
      const day = isWorkday(timeMs) ? between(hour, 7.5, 18, 1.5) * (1 - 0.5 * between(hour, 12, 13, 0.3)) : 0;
      const share = day > 0 ? clamp(day * (0.7 + coming.next(stepS)), 0, 1) : 0;
      const people = Math.round(share * seats);
      const heatedC = isWorkday(timeMs) && hour > 6 && hour < 19 ? 21.5 : 18;
      const leak = 0.08 * (weather.temperatureC - 18);
      const target = heatedC + leak + 1.8 * (people / seats) + 0.002 * window * weather.sunWM2;
      const temperatureC = warmth.follow(target, stepS) + draught.next(stepS);
      const co2 = air.follow(425 + (850 * people) / seats, stepS) + breath.next(stepS);
      const humidity = 44 + 9 * (people / seats) - 1.2 * (temperatureC - 20) + damp.next(stepS);
      const light = window * weather.sunWM2 * 1.1 + (people > 0 ? 420 : 0);
      return [people, temperatureC, co2, humidity, light];
    };
  },
};
