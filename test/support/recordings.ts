/** Recorded sensor data: each line is a point; series are numbered as they first come. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const root = join(import.meta.dir, "../..");
/** Some may not be shipped with the source: they are used where they lie beside it. */
const PLACES: Readonly<Record<string, string>> = {
  machine: "src/cli/demo-data/machine.jsonl.gz",
  servers: "test/data/servers.jsonl.gz",
  buses: "test/data/buses.jsonl.gz",
  lorawan: "../shared/data/lorawan.jsonl.gz",
};

export interface RecordedSeries {
  readonly id: number;
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Recording {
  /** By id less one. */
  readonly series: readonly RecordedSeries[];
  /** In the order of the source, repeated and late ones where they stand. */
  readonly points: readonly (readonly [seriesId: number, timeUs: number, value: number])[];
}

/** The file of a recording; undefined where it is not. */
export function recordingFile(name: string): string | undefined {
  const path = join(root, PLACES[name]);
  return existsSync(path) ? path : undefined;
}

export function readRecording(path: string): Recording {
  const series = new Map<string, RecordedSeries>();
  const points = gunzipSync(readFileSync(path))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { metric, value, timestamp, tags } = JSON.parse(line) as RecordedSeries & {
        value: number;
        timestamp: string;
      };
      const key = `${metric} ${JSON.stringify(tags)}`;
      let found = series.get(key);
      if (found === undefined) series.set(key, (found = { id: series.size + 1, metric, tags }));
      return [found.id, Date.parse(timestamp) * 1_000, value] as const;
    });
  return { series: [...series.values()], points };
}
