/** The same recording in Watchpost and in Debian's InfluxDB: what both say of each hour is compared value by value. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { RangeFunction } from "../../src/wire/gen/history_pb.ts";
import { influxDb, type PeerServer } from "../bench/peers.ts";
import { testNeeding } from "../support/needs.ts";
import { readRecording, recordingFile, type Recording } from "../support/recordings.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const HOUR_MS = 3_600_000;
const BATCH_POINTS = 5_000;
/** InfluxQL's name for each of ours. */
const SELECTORS = {
  AVG: "mean",
  MIN: "min",
  MAX: "max",
  SUM: "sum",
  COUNT: "count",
  FIRST: "first",
  LAST: "last",
  P50: "median",
  STDDEV: "stddev",
} as const;
type Name = keyof typeof SELECTORS;
/** What one of them says of each hour: start in milliseconds, value. */
type Hours = Map<number, number>;

const dir = tempDir("peers");
const recording = readRecording(recordingFile("machine")!);
let peer: PeerServer | undefined;
let server: ServerProcess | undefined;
let connection: Connection | undefined;

beforeAll(async () => {
  if (influxDb.missing !== undefined) return;
  const data = join(dir.path, "influx");
  mkdirSync(data);
  [peer, server] = await Promise.all([influxDb.start(data), startServerProcess({ data: join(dir.path, "data") })]);
  connection = new Connection(server.grpc);
  await Promise.all([fillPeer(peer, recording), uploadAll(connection, batchesOf(recording))]);
});

afterAll(async () => {
  connection?.close();
  await Promise.all([peer?.stop(), server?.stop()]);
  dir[Symbol.dispose]();
});

function partsOf<T>(all: readonly T[]): T[][] {
  const starts = Array.from({ length: Math.ceil(all.length / BATCH_POINTS) }, (_, i) => i * BATCH_POINTS);
  return starts.map((at) => all.slice(at, at + BATCH_POINTS));
}

function* batchesOf({ series, points }: Recording) {
  for (const part of partsOf(points)) {
    yield encodeBatch(
      part.map(([id, timeUs, value]) => ({ metric: series[id - 1].metric, value, timeUs, tags: series[id - 1].tags })),
      "recording",
    );
  }
}

/** One part after the other: the last write wins in both. */
async function fillPeer({ address, writePath }: PeerServer, { series, points }: Recording): Promise<void> {
  for (const part of partsOf(points)) {
    const lines = part.map(([id, timeUs, value]) => {
      const { metric, tags } = series[id - 1];
      return `${metric},device=${tags["device"]} value=${value} ${timeUs / 1_000}`;
    });
    const response = await fetch(`http://${address}${writePath}`, { method: "POST", body: lines.join("\n") });
    if (!response.ok) throw new Error(`InfluxDB answered ${response.status}: ${await response.text()}`);
  }
}

interface InfluxAnswer {
  readonly results: readonly { readonly series: readonly { readonly values: readonly number[][] }[] }[];
}

/** All functions at once. */
async function askPeer({ address }: PeerServer, metric: string): Promise<Map<Name, Hours>> {
  const names = Object.keys(SELECTORS) as Name[];
  const columns = names.map((name) => `${SELECTORS[name]}(value)`).join(", ");
  const bounds = "time >= '2013-01-01T00:00:00Z' AND time < '2015-01-01T00:00:00Z'";
  const query = `SELECT ${columns} FROM "${metric}" WHERE ${bounds} GROUP BY time(1h) fill(none)`;
  const response = await fetch(`http://${address}/query?db=bench&epoch=ms&q=${encodeURIComponent(query)}`);
  const { results } = (await response.json()) as InfluxAnswer;
  const [{ values }] = results[0].series;
  return new Map(names.map((name, i) => [name, new Map(values.map((row) => [row[0], row[i + 1]]))]));
}

async function askWatchpost(metric: string, name: Name): Promise<Hours> {
  const request = { metric, stepMs: BigInt(HOUR_MS), function: RangeFunction[name] };
  const { series } = await queryRange(connection!, request);
  expect(series.length).toBe(1);
  return new Map(series[0].timesMs.map((timeMs, i) => [timeMs, series[0].values[i]]));
}

/** InfluxDB's is that of a sample, which one value has none of; ours is that of the population. */
function ofPopulation(stddev: Hours, counts: Hours): Hours {
  return new Map([...stddev].map(([timeMs, value]) => [timeMs, ofAll(value, counts.get(timeMs)!)]));
}

function ofAll(stddevOfSample: number, count: number): number {
  return count === 1 ? 0 : stddevOfSample * Math.sqrt((count - 1) / count);
}

function hoursWithPoints(metric: string): number {
  const { id } = recording.series.find((series) => series.metric === metric)!;
  const ofMetric = recording.points.filter(([seriesId]) => seriesId === id);
  return new Set(ofMetric.map(([, timeUs]) => Math.floor(timeUs / 1_000 / HOUR_MS))).size;
}

/** Hours that only one of them has, or that differ by more than their last digits. */
function differences(ours: Hours, theirs: Hours): unknown[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((timeMs) => [timeMs, ours.get(timeMs), theirs.get(timeMs)] as const)
    .filter(([, a = NaN, b = NaN]) => !(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))));
}

for (const metric of ["temperature_f", "ambient_temperature_f"]) {
  testNeeding([influxDb.missing !== undefined && "Debian's influxdb"])(
    `${metric} is the same in InfluxDB, hour by hour`,
    async () => {
      const theirs = await askPeer(peer!, metric);
      theirs.set("STDDEV", ofPopulation(theirs.get("STDDEV")!, theirs.get("COUNT")!));
      const hours = hoursWithPoints(metric);
      for (const name of Object.keys(SELECTORS) as Name[]) {
        const ours = await askWatchpost(metric, name);
        expect([name, ours.size, differences(ours, theirs.get(name)!)]).toEqual([name, hours, []]);
      }
    },
  );
}
