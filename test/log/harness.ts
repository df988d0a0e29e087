import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { LogClient } from "../../src/log/log-client.ts";
import { encodeRecord, frameOfRecord, sealRecord } from "../../src/log/record.ts";
import type { SeriesDefinition } from "../../src/model/series-registry.ts";
import type { WorkerRole } from "../../src/model/spawn.ts";
import { replayRecords } from "../../src/log/replay.ts";

const ENTRY = join(import.meta.dir, "../../src/thread.ts");

/** Starts workers as the server does. */
export function spawn(role: WorkerRole): Worker {
  return new Worker(ENTRY, { workerData: { role } });
}

export function recordOf(
  seq: number,
  values: readonly number[],
  definitions: readonly SeriesDefinition[] = [],
): ArrayBuffer {
  const frame = {
    seq,
    arrivalMs: 1_790_000_000_000 + seq,
    clockUntrusted: false,
    count: values.length,
    seriesIds: new Uint32Array(values.length).fill(1),
    timesUs: Float64Array.from(values, (_, i) => seq * 1_000 + i),
    values: Float64Array.from(values),
  };
  return encodeRecord(frame, definitions);
}

export function sealed(record: ArrayBuffer): Uint8Array {
  sealRecord(record);
  return new Uint8Array(record);
}

export function openLog(dir: string, segmentBytesMax = 1 << 20) {
  return LogClient.open(spawn, { dir, segmentBytesMax });
}

/** Sequence and values of every record of a segment, and what is said of damage. */
export function readSegment(path: string) {
  const damage: string[] = [];
  const records: { seq: number; values: number[] }[] = [];
  for (const record of replayRecords(path, (sentence) => damage.push(sentence))) {
    const { seq, values } = frameOfRecord(record);
    records.push({ seq, values: [...values] });
  }
  return { records, damage };
}
