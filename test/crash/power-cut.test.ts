/**
 * A power cut at any moment: what the server did to its files is recorded with strace; of what was not synced any part
 * may be on the disk afterwards. Whatever was acknowledged before is there, once.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "bun:test";
import { join } from "node:path";
import { encodeBatch, type Batch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { Log } from "../../src/log/log.ts";
import { BatchAckSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { openStore } from "../store/harness.ts";
import { TRACER } from "../support/failing-calls.ts";
import { testNeeding } from "../support/needs.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";
import { powerCut, readTrace, STRACE_CALLS, type DiskCall } from "./disk-trace.ts";

const BATCHES = 120;
const BATCH_POINTS = 250;
const CUTS = 70;
const SEED = 20_261_124;
const REOPENED_EVERY = 8;
const START_US = 1_700_000_000_000_000;

function batchOf(number: number): Batch {
  const points = Array.from({ length: BATCH_POINTS }, (_, i) => ({
    metric: "m",
    value: number * 1_000 + i,
    timeUs: START_US + (number * BATCH_POINTS + i) * 1_000,
    tags: { n: String((number + i) % 30) },
  }));
  return encodeBatch(points, "s");
}

/** Sends batch after batch, each once the one before is acknowledged; when each acknowledgement came. */
async function ackTimes(address: string): Promise<number[]> {
  const connection = new Connection(address);
  const call = connection.bidiStream(DataIngestion.method.streamData);
  const times: number[] = [];
  call.write(batchOf(0).bytes);
  for await (const bytes of call) {
    const { batches } = fromBinary(BatchAckSchema, bytes as Uint8Array);
    while (times.length < Number(batches)) times.push(performance.timeOrigin + performance.now());
    if (times.length < BATCHES) call.write(batchOf(times.length).bytes);
    else call.end();
  }
  connection.close();
  return times;
}

/** Opens what a cut left, as a server does but for its threads. */
function storedValues(dir: string): { values: number[]; damage: readonly string[] } {
  const { log, opened } = Log.open({ dir, segmentBytesMax: 1 << 20 });
  try {
    using store = openStore({ dir, segments: opened.segments });
    const seriesIds = Uint32Array.from(opened.series, ({ id }) => id).sort();
    const { values } = store.range({ seriesIds });
    return { values: [...values], damage: [...opened.damage, ...store.opened.damage] };
  } finally {
    log.close();
  }
}

/** Whether a wal was synced. */
function isLogSync({ kind, path }: DiskCall): boolean {
  return kind === "sync" && path.endsWith(".wal");
}

async function powerCuts(
  settings: Record<string, string>,
  syncs: { readonly min: number; readonly max: number },
  safeUntilMs: (calls: readonly DiskCall[], count: number) => number,
): Promise<void> {
  using dir = tempDir("power");
  const data = join(dir.path, "data");
  const trace = join(dir.path, "trace");
  const wrapper = ["strace", "-f", "-y", "-ttt", "-xx", "-s", "4000000", "-e", `trace=${STRACE_CALLS}`, "-o", trace];
  const sizes = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000", WATCHPOST_STORE_SEGMENT_BYTES_MAX: "1MiB" };
  const env = { ...sizes, ...settings };
  const server = await startServerProcess({ data, wrapper, env });
  const acks = await ackTimes(server.grpc);
  expect(await server.stop()).toBe(0);
  const calls = readTrace(trace, data);
  const synced = calls.filter(isLogSync).length;
  expect(synced).toBeGreaterThan(syncs.min);
  expect(synced).toBeLessThan(syncs.max);
  expect(calls.some(({ kind, path }) => kind === "unlink" && path.endsWith(".wal"))).toBe(true);

  let promised = 0;
  for (let seed = SEED; seed < SEED + CUTS; seed++) {
    const random = randomOf(seed);
    // The first of a seed says little of the seed.
    for (let i = 0; i < 3; i++) random();
    const count = Math.floor(random() * calls.length);
    const target = join(dir.path, `cut-${seed}`);
    powerCut(calls, count, data, target, random);
    const acked = acks.filter((atMs) => atMs < safeUntilMs(calls, count)).length;
    const { values, damage } = storedValues(target);
    promised += acked;
    const told = `seed ${seed}: cut after ${count} of ${calls.length} calls, ${acked} batches acknowledged`;
    const wrong = whatIsWrong(values, acked);
    expect([told, wrong, wrong === undefined ? [] : damage]).toEqual([told, undefined, []]);
    if (seed % REOPENED_EVERY === 0) expect([told, storedValues(target).values]).toEqual([told, values]);
  }
  expect(promised).toBeGreaterThan(CUTS);
}

/** In words; undefined where every batch is there once, as a whole or not at all, and the first `acked` are. */
function whatIsWrong(values: readonly number[], acked: number): string | undefined {
  const found = new Set(values);
  if (found.size < values.length) return `${values.length - found.size} points are there twice`;
  const counts = new Array<number>(BATCHES).fill(0);
  for (const value of values) {
    if (value % 1_000 >= BATCH_POINTS || value >= 1_000 * BATCHES) return `${value} was never sent`;
    counts[Math.floor(value / 1_000)]++;
  }
  const lost = counts.findIndex((points, number) => number < acked && points < BATCH_POINTS);
  if (lost >= 0) return `of batch ${lost}, which was acknowledged, ${counts[lost]} points are there`;
  const cut = counts.findIndex((points) => points > 0 && points < BATCH_POINTS);
  return cut < 0 ? undefined : `of batch ${cut}, which was not acknowledged, ${counts[cut]} points are there`;
}

testNeeding(TRACER)(
  "whatever was acknowledged before a power cut is there after it, once",
  () => powerCuts({}, { min: BATCHES / 2, max: Infinity }, (calls, count) => calls[count].atMs),
  120_000,
);

testNeeding(TRACER)(
  "with a sync interval syncs are few, and what was acknowledged before the last of them is there",
  () =>
    powerCuts(
      { WATCHPOST_STORE_PROFILE: "flash", WATCHPOST_STORE_SYNC_INTERVAL: "100ms" },
      { min: 1, max: BATCHES },
      (calls, count) => calls.slice(0, count).findLast(isLogSync)?.atMs ?? 0,
    ),
  120_000,
);
