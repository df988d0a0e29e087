/** Exports over a server that is cut: no row twice, none missing, and files that go on where they were cut. */
import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compressionOf, decompressed } from "../../src/client/compression.ts";
import type { CallOptions, Connection } from "../../src/client/connection.ts";
import { ExportFile, type ExportPlan } from "../../src/client/export-file.ts";
import { exportPoints, planExport, type ExportOptions, type ExportOutput } from "../../src/client/export.ts";
import { streamRange } from "../../src/client/query.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import {
  QueryRangeRequestSchema,
  QueryRangeResponseSchema,
  type QueryRangeRequest,
  type QueryRangeResponse,
} from "../../src/wire/gen/history_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { inChunks } from "./nasty-rows.ts";

interface Row {
  readonly key: string;
  readonly tags: Record<string, string>;
  readonly timeUs: number;
  readonly value: number;
}

const rows: Row[] = Array.from({ length: 30 }, (_, s) => ({
  tags: { device: `d${s}`, __proto__x: "y" },
  points: (s * 37) % 90,
}))
  .flatMap(({ tags, points }) =>
    Array.from({ length: points }, (_, i) => ({
      key: seriesKey("m", "s", Object.entries(tags)),
      tags,
      timeUs: 1_700_000_000_000_001 + i * 13,
      value: i / 8,
    })),
  )
  .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.timeUs - b.timeUs));

interface FakeServer {
  readonly connection: Connection;
  readonly requests: QueryRangeRequest[];
  readonly retries: number;
}

/** Answers `all` in parts of up to seven rows; a stream is cut after so many parts as `cuts` says. */
function serverOf(all: readonly Row[], cuts: number[] = [], heedsAfter = true): FakeServer {
  const requests: QueryRangeRequest[] = [];
  let retries = 0;
  async function* parts(request: QueryRangeRequest, cut = Infinity) {
    const { after } = request;
    const key = after && seriesKey(after.metric, after.source, Object.entries(after.tags));
    const afterUs = after?.time && Number(after.time.seconds) * 1e6 + after.time.nanos / 1e3;
    const wanted = all.filter(
      (row) => !heedsAfter || key === undefined || row.key > key || (row.key === key && row.timeUs > afterUs!),
    );
    for (let at = 0; at < wanted.length; at += 7) {
      if (cut-- <= 0) throw new WatchpostError("UNAVAILABLE", "cut");
      const series: {
        metric: string;
        source: string;
        tags: Record<string, string>;
        timesMs: number[];
        values: number[];
      }[] = [];
      for (const { tags, timeUs, value } of wanted.slice(at, at + 7)) {
        if (series.at(-1)?.tags !== tags) series.push({ metric: "m", source: "s", tags, timesMs: [], values: [] });
        series.at(-1)!.timesMs.push(timeUs / 1_000);
        series.at(-1)!.values.push(value);
      }
      yield toBinary(QueryRangeResponseSchema, create(QueryRangeResponseSchema, { series }));
    }
  }
  const connection = {
    serverStream(_: unknown, bytes: Uint8Array) {
      const request = fromBinary(QueryRangeRequestSchema, bytes);
      requests.push(request);
      return Object.assign(parts(request, cuts.shift()), { cancel() {} });
    },
    async beforeRetry(error: unknown, attempt: number, { onRetry }: CallOptions) {
      if (!(error instanceof WatchpostError) || error.status !== "UNAVAILABLE") throw error;
      retries++;
      onRetry?.({ error, attempt, delayMs: 0 });
    },
  } as unknown as Connection;
  return {
    connection,
    requests,
    get retries() {
      return retries;
    },
  };
}

function rowsOf(parts: readonly QueryRangeResponse[]): unknown[] {
  return parts.flatMap(({ series }) =>
    series.flatMap(({ tags, timesMs, values }) =>
      values.map((value, i) => [tags["device"], Math.round(timesMs[i] * 1e3), value]),
    ),
  );
}

const expected = rows.map(({ tags, timeUs, value }) => [tags["device"], timeUs, value]);

for (const heedsAfter of [true, false]) {
  test(`a stream that is cut goes on behind what was had${heedsAfter ? "" : ", also where the server does not know how"}`, async () => {
    const random = randomOf(3);
    for (let run = 0; run < 30; run++) {
      const cuts = Array.from({ length: 6 }, () => Math.floor(random() * 40));
      const server = serverOf(rows, [...cuts], heedsAfter);
      const parts = await Array.fromAsync(streamRange(server.connection, { metric: "*" }));
      expect(rowsOf(parts)).toEqual(expected);
      if (heedsAfter && cuts[0] > 0 && server.requests.length > 1) expect(server.requests[1].after).toBeDefined();
    }
  });
}

test("rows out of order are an error, for nothing could go on behind them", async () => {
  const server = serverOf([...rows.slice(20), ...rows.slice(0, 20)]);
  await expect(Array.fromAsync(streamRange(server.connection, { metric: "*" }))).rejects.toMatchObject({
    status: "DATA_LOSS",
  });
});

const plan: ExportPlan = { fromUs: null, toUs: null, points: rows.length, series: 30, tagColumns: ["device"] };
const selection = { metric: "*", matchers: [] };

/** An export into `dir`, whose write number `failAt` fails half way. */
async function exported(path: string, format: "jsonl" | "csv", compression: "none" | "gz" | "zst", failAt = Infinity) {
  const asked = { format, compression };
  const file = await ExportFile.open({ path, asked, restart: false, resumable: true });
  const { resumed } = file;
  const clock = new ManualClock();
  const output: ExportOutput = {
    async write(bytes) {
      clock.advance(600);
      if (failAt-- > 0) return file.write(bytes);
      await file.write(bytes.subarray(0, bytes.length >> 1));
      throw new WatchpostError("RESOURCE_EXHAUSTED", "no space left");
    },
    mark: (points, last) => file.mark(plan, points, last),
  };
  const options: ExportOptions = { format, compression, plan, clock, pieceCharacters: 2_000 };
  try {
    const { connection } = serverOf(rows);
    await exportPoints(
      connection,
      selection,
      output,
      resumed === undefined ? options : { ...options, resume: resumed },
    );
    await file.finish();
  } catch (error) {
    await file.leave();
    throw error;
  }
  return resumed?.points ?? 0;
}

async function unpacked(path: string): Promise<string> {
  const bytes = readFileSync(path);
  const chunks = await Array.fromAsync(decompressed(inChunks(bytes, 1_000), compressionOf(bytes)));
  return Buffer.concat(chunks).toString();
}

for (const [format, compression, name] of [
  ["jsonl", "none", "f.jsonl"],
  ["csv", "gz", "f.csv.gz"],
  ["jsonl", "zst", "f.jsonl.zst"],
] as const) {
  test(`${name}: cut at any write and any byte behind the last mark, it goes on to the same file`, async () => {
    using dir = tempDir("export");
    const whole = join(dir.path, `whole-${name}`);
    await exported(whole, format, compression);
    const random = randomOf(7);
    let resumed = 0;
    for (let run = 0; run < 12; run++) {
      const path = join(dir.path, `${run}-${name}`);
      for (let failAt = 1 + Math.floor(random() * 9); ; failAt += 5) {
        const done = await exported(path, format, compression, failAt).catch((error: Error) => error);
        if (!(done instanceof Error)) break;
        expect(done.message).toBe("no space left");
        const { bytes } = existsSync(`${path}.progress`)
          ? (JSON.parse(readFileSync(`${path}.progress`, "utf8")) as { bytes: number })
          : { bytes: 0 };
        if (bytes === 0) continue;
        // What was not synced may be gone, or be anything.
        const { length } = readFileSync(`${path}.part`);
        truncateSync(`${path}.part`, bytes + Math.floor(random() * (length - bytes + 1)));
        if (random() < 0.5) writeFileSync(`${path}.part`, "garbage", { flag: "a" });
        resumed++;
      }
      expect(await unpacked(path)).toBe(await unpacked(whole));
      expect((await unpacked(path)).match(/\n/g)!.length).toBe(rows.length + (format === "csv" ? 1 : 0));
      expect([existsSync(`${path}.part`), existsSync(`${path}.progress`)]).toEqual([false, false]);
    }
    expect(resumed).toBeGreaterThan(5);
  });
}

test("another request does not go on here; what has lost its part begins anew", async () => {
  using dir = tempDir("export");
  const path = join(dir.path, "f.jsonl");
  await exported(path, "jsonl", "none", 4).catch(() => {});
  const asked = { format: "csv", compression: "none" };
  const other = ExportFile.open({ path, asked, restart: false, resumable: true });
  await expect(other).rejects.toMatchObject({ status: "FAILED_PRECONDITION" });
  await expect(other).rejects.toThrow('of an export whose format was "jsonl", now it is "csv"');
  truncateSync(`${path}.part`, 10);
  expect(await exported(path, "jsonl", "none")).toBe(0);
  await using stack = new AsyncDisposableStack();
  const anew = await ExportFile.open({ path, asked, restart: true, resumable: true });
  stack.defer(async () => void (await anew.leave()));
  expect(anew.resumed).toBeUndefined();
});

test("what is cut before the first byte leaves nothing behind, however it was cut", async () => {
  using dir = tempDir("export");
  const path = join(dir.path, "f.jsonl");
  for (const resumable of [true, false]) {
    const file = await ExportFile.open({ path, asked: {}, restart: false, resumable });
    expect(readdirSync(dir.path)).toEqual([]);
    expect(await file.leave()).toBe(false);
  }
  const file = await ExportFile.open({ path, asked: {}, restart: false, resumable: true });
  await file.write(new Uint8Array(0));
  expect(await file.finish()).toBe(0);
  expect(readdirSync(dir.path)).toEqual(["f.jsonl"]);
});

test("a file that cannot be written is named", async () => {
  using dir = tempDir("export");
  const path = join(dir.path, "missing/f.jsonl");
  const opening = ExportFile.open({ path, asked: {}, restart: false, resumable: true });
  await expect(opening).rejects.toThrow(`${path} cannot be written: ENOENT`);
});

test("the plan counts points, series and the tags that get a column", async () => {
  const counted = rows.filter(({ timeUs }, i) => rows[i - 1]?.key !== rows[i].key && timeUs > 0);
  const { connection, requests } = serverOf(counted.map((row) => ({ ...row, value: 5 })));
  const planned = await planExport(connection, selection, { fromUs: 1_000, toUs: null }, {});
  expect(planned).toEqual({
    fromUs: 1_000,
    toUs: null,
    points: 5 * counted.length,
    series: counted.length,
    tagColumns: ["__proto__x", "device"],
  });
  expect(requests[0].from).toMatchObject({ seconds: 0n, nanos: 1_000_000 });
});
