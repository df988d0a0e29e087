/** A store by itself, and the records that are put into it. */
import { systemClock } from "../../src/model/system-clock.ts";
import { encodeRecord } from "../../src/log/record.ts";
import { Store } from "../../src/store/store.ts";

export const START_US = Date.UTC(2026, 10, 2) * 1000;
const FRAME_POINTS = 50_000;

/** Time-major records of a 2-decimal random walk, one point a series every 10 s. */
export function* walk(seriesCount: number, points: number, framePoints = FRAME_POINTS): Generator<ArrayBuffer> {
  let seed = 0x2545f491;
  const random = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  const cents = new Float64Array(seriesCount).map(() => 2000 + Math.floor(random() * 1000));
  let row = 0;
  for (let seq = 1; row < points; seq++) {
    const count = Math.min(framePoints, points - row);
    const timesUs = new Float64Array(count);
    const values = new Float64Array(count);
    const seriesIds = new Uint32Array(count);
    for (let i = 0; i < count; i++, row++) {
      const id = row % seriesCount;
      cents[id] += Math.round(normal() * 10);
      timesUs[i] = START_US + Math.floor(row / seriesCount) * 10_000_000;
      values[i] = cents[id] / 100;
      seriesIds[i] = id;
    }
    const arrivalMs = timesUs[count - 1] / 1000;
    yield encodeRecord({ seq, arrivalMs, clockUntrusted: false, count, timesUs, values, seriesIds }, []);
  }
}

export function openStore(dir: string, segments: string[] = []) {
  const events = {
    onSealed() {},
    onDropped() {},
    onDamage: (sentence: string) => console.log(`damage: ${sentence}`),
    onTrouble: (sentence: string) => console.log(`trouble: ${sentence}`),
    onWork() {},
  };
  return Store.open({ dir, segments }, systemClock, events);
}
