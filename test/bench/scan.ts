/** How fast points are read: a day of 1,000 series, decoded and averaged over steps that no summary serves. */
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { median } from "./measure.ts";
import type { Figure } from "./part.ts";
import { openStore, START_US, walk } from "./store-rig.ts";

const SERIES = 1_000;
const POINTS = 10_000_000;
const STEP_US = 420e6;
const ASKS = 15;

export async function scanBench(): Promise<Figure[]> {
  const dir = tempDir("scan");
  const { store } = openStore(dir);
  for (const record of walk(SERIES, POINTS)) {
    store.absorb(record);
    if (store.mustSeal) runToEnd(store.maintain(ENDLESS_SLICE));
  }
  const sealed = store.seal();
  runToEnd(store.maintain(ENDLESS_SLICE));
  await sealed;
  const seriesIds = Uint32Array.from({ length: SERIES }, (_, id) => id);
  const toUs = START_US + (POINTS / SERIES) * 10e6;
  const query = { seriesIds, fromUs: START_US, toUs, stepUs: STEP_US, pointsMax: Infinity };
  const rates = Array.from({ length: ASKS }, () => {
    const startMs = performance.now();
    runToEnd(store.range(query, ENDLESS_SLICE));
    return POINTS / 1_000 / (performance.now() - startMs);
  });
  store.close();
  removeDir(dir);
  const bar = { sign: "≥", value: 100 } as const;
  return [{ name: "raw scan of 10 M points", unit: "M points/s", value: median(rates), bar }];
}
