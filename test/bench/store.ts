/**
 * What the store costs by itself: CPU of absorbing and sealing, bytes a point, queries, replay. Prints medians.
 * `bun test/bench/store.ts [part…]`
 */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealRecord } from "../../src/log/record.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import type { Store } from "../../src/store/store.ts";
import { openStore, START_US, walk } from "./store-rig.ts";

function bytesIn(dir: string): number {
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function inFolder<T>(run: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "watchpost-bench-"));
  try {
    return run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function absorbAndSeal(seriesCount: number, points: number): void {
  const records = [...walk(seriesCount, points)];
  const runs = [0, 1, 2].map(() =>
    inFolder((dir) => {
      const { store } = openStore(dir);
      const copies = records.map((record) => record.slice(0));
      const start = cpuMs();
      let longestMs = 0;
      for (const record of copies) {
        store.absorb(record);
        for (const work = store.maintain({ over: () => true }); ;) {
          const sliceStart = performance.now();
          if (!store.mustSeal || work.next().done) break;
          longestMs = Math.max(longestMs, performance.now() - sliceStart);
        }
      }
      const absorbedMs = cpuMs() - start;
      store.close();
      return { ns: ((cpuMs() - start) * 1e6) / points, absorbedNs: (absorbedMs * 1e6) / points, longestMs };
    }),
  );
  const ns = median(runs.map((run) => run.ns));
  const longest = median(runs.map((run) => run.longestMs));
  console.log(
    `absorb + seal, ${points} points, ${seriesCount} series: ${ns.toFixed(0)} ns CPU a point, ` +
      `longest slice ${longest.toFixed(1)} ms`,
  );
}

function size(points: number): void {
  inFolder((dir) => {
    const { store } = openStore(dir);
    for (const record of walk(1000, points)) {
      store.absorb(record);
      if (store.mustSeal) runToEnd(store.maintain(ENDLESS_SLICE));
    }
    void store.seal();
    runToEnd(store.maintain(ENDLESS_SLICE));
    const sealed = bytesIn(dir);
    const start = cpuMs();
    void store.compact();
    runToEnd(store.maintain(ENDLESS_SLICE));
    const { chunks, blocks, chunkBytes } = store.stats();
    console.log(
      `size, ${points} points, 1000 series: ${(sealed / points).toFixed(3)} bytes a point sealed, ` +
        `${(bytesIn(dir) / points).toFixed(3)} compacted (chunks ${(chunkBytes / points).toFixed(3)}, ` +
        `${chunks} chunks, ${blocks} blocks), ${(((cpuMs() - start) * 1e6) / points).toFixed(0)} ns a point`,
    );
    queries(store);
    store.close();
  });
}

function queries(store: Store): void {
  const seriesIds = Uint32Array.from({ length: 1000 }, (_, i) => i);
  const day = { fromUs: START_US, toUs: START_US + 86_400e6 };
  const ask = (what: string, ids: Uint32Array, stepUs: number, toUs = day.toUs) => {
    const runs = [0, 1, 2, 3, 4].map(() => {
      const start = performance.now();
      const query = { seriesIds: ids, fromUs: day.fromUs, toUs, stepUs, pointsMax: 1e9 };
      const result = runToEnd(store.range(query, ENDLESS_SLICE));
      return { ms: performance.now() - start, rows: result.timesUs.length };
    });
    console.log(`query ${what}: ${median(runs.map(({ ms }) => ms)).toFixed(2)} ms, ${runs[0].rows} rows`);
  };
  ask("1 series, a day, raw", seriesIds.slice(500, 501), 0);
  ask("1 series, a day, 5 min", seriesIds.slice(500, 501), 300e6);
  ask("1000 series, an hour, raw", seriesIds, 0, START_US + 3600e6);
  ask("1000 series, a day, 1 h", seriesIds, 3600e6);
  ask("1000 series, a day, 30 days", seriesIds, 30 * 86_400e6);
}

function smallFrames(): void {
  const records = [...walk(1000, 1_000_000, 1)];
  inFolder((dir) => {
    const { store } = openStore(dir);
    const start = cpuMs();
    for (const record of records) store.absorb(record);
    console.log(`absorb frames of 1 point: ${(1e3 / (cpuMs() - start)).toFixed(2)} million a second`);
  });
}

function replay(): void {
  inFolder((dir) => {
    const segments: string[] = [];
    let parts: Uint8Array[] = [];
    const flush = () => {
      const path = join(dir, `segment-${segments.length}`);
      writeFileSync(path, Buffer.concat(parts));
      segments.push(path);
      parts = [];
    };
    for (const record of walk(1000, 10_000_000)) {
      sealRecord(record);
      parts.push(new Uint8Array(record));
      if (parts.length === 50) flush();
    }
    flush();
    const start = performance.now();
    const { store, opened } = openStore(dir, segments);
    console.log(`replay of ${opened.replayedPoints} points: ${(performance.now() - start).toFixed(0)} ms`);
    store.close();
    const again = performance.now();
    const reopened = openStore(dir);
    console.log(
      `open of ${reopened.store.stats().blocks} blocks, ${reopened.opened.latest.seriesIds.length} series: ` +
        `${(performance.now() - again).toFixed(0)} ms`,
    );
    reopened.store.close();
  });
}

function slowSeries(): void {
  inFolder((dir) => {
    const { store } = openStore(dir);
    const points = 1_600_000;
    const start = cpuMs();
    for (const record of walk(100_000, points, 100_000)) {
      store.absorb(record);
      void store.seal();
      runToEnd(store.maintain(ENDLESS_SLICE));
    }
    console.log(
      `slow series, 100000 × 16 seals of 1 point: ${(((cpuMs() - start) * 1e6) / points).toFixed(0)} ns CPU a point, ` +
        `${(bytesIn(dir) / points).toFixed(2)} bytes a point`,
    );
    store.close();
    const reopenMs = performance.now();
    const reopened = openStore(dir);
    const { length } = reopened.opened.latest.seriesIds;
    console.log(`open with ${length} series: ${(performance.now() - reopenMs).toFixed(0)} ms`);
    reopened.store.close();
  });
}

const PARTS: Record<string, () => void> = {
  seal1k: () => absorbAndSeal(1000, 4_000_000),
  seal100k: () => absorbAndSeal(100_000, 4_000_000),
  small: smallFrames,
  size2: () => size(2_000_000),
  size8: () => size(8_640_000),
  replay,
  slow: slowSeries,
};

for (const part of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)) PARTS[part]();
