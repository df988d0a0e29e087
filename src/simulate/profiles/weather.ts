import { Outdoors } from "../outdoors.ts";
import type { Profile } from "../profile.ts";
import { clamp, Noise } from "../signals.ts";

/** Weather stations: those of one site have one weather, each with the noise of its own sensors. */
export const weather: Profile = {
  name: "weather",
  about: "weather stations: temperature, humidity, pressure, wind, rain, sun; on battery",
  device: "station",
  sensors: [
    { metric: "weather_temperature_c", decimals: 1, min: -35, max: 50 },
    { metric: "weather_humidity_pct", decimals: 0, min: 5, max: 100 },
    { metric: "weather_pressure_hpa", decimals: 1, min: 940, max: 1_070 },
    { metric: "weather_wind_m_s", decimals: 1, min: 0, max: 45 },
    { metric: "weather_rain_mm_h", decimals: 1, min: 0, max: 80 },
    { metric: "weather_sun_w_m2", decimals: 0, min: 0, max: 1_200 },
  ],
  isOnBattery: true,
  intervalMs: 60_000,
  start(own, site) {
    const outdoors = new Outdoors(site);
    const height = own.between(0, 300);
    const measured = new Noise(own.split("measured"), 0.15, 300);
    const damp = new Noise(own.split("damp"), 2, 1_800);
    const gusts = new Noise(own.split("gusts"), 1.2, 60);
    const wind = new Noise(site.split("wind"), 2.5, 6 * 3_600);
    const showers = new Noise(own.split("showers"), 0.12, 1_200);
    return (moment) => {
      const { stepS } = moment;
      const { temperatureC, pressureHpa, clouds, sunWM2 } = outdoors.next(moment);
      const rain = Math.max(0, clouds + showers.next(stepS) - 0.85) * 40;
      const hereC = temperatureC - 0.0065 * height - (rain > 0 ? 1 : 0) + measured.next(stepS);
      const humidity = 68 - 2.2 * (hereC - 10) + 18 * (clouds - 0.5) + (rain > 0 ? 12 : 0) + damp.next(stepS);
      const windMS = Math.abs(4 + wind.next(stepS) + 3 * (clouds - 0.5) + gusts.next(stepS));
      return [hereC, clamp(humidity, 5, 100), pressureHpa - 0.12 * height, windMS, rain, sunWM2];
    };
  },
};
