/** A server that ends in the middle of ingest, again and again on one directory: every acknowledged point is there exactly once. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { once } from "node:events";
import { join } from "node:path";
import { encodeBatch, type Batch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { getStoreStats } from "../../src/client/store-stats.ts";
import { DataIngestion, BatchAckSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const [ROUNDS, RESTARTS] = [6, 3];
const SERIES = 20;
const BATCH_POINTS = 200;
const START_US = 1_700_000_000_000_000;

/** Batch `number` of the whole test: its points are in no other one. */
function batchOf(number: number): Batch {
  const points = Array.from({ length: BATCH_POINTS }, (_, i) => ({
    metric: "m",
    value: number * 1_000 + i,
    timeUs: START_US + (number * BATCH_POINTS + i) * 1_000,
    tags: { n: String(i % SERIES) },
  }));
  return encodeBatch(points, "killer");
}

/** Batches that were acknowledged, and that were sent. */
interface Sending {
  acked: number;
  sent: number;
}

/** Sends batches from `from` on until the server is gone. `told`: of how many were acknowledged so far. */
function sendUntilDeath(server: ServerProcess, from: number, told: (acked: number) => void): Promise<Sending> {
  const connection = new Connection(server.grpc);
  const call = connection.bidiStream(DataIngestion.method.streamData);
  let acked = 0;
  let sent = 0;
  return new Promise((resolve) => {
    let over = false;
    const end = () => {
      over = true;
      connection.close();
      resolve({ acked, sent });
    };
    call.on("data", (bytes: Uint8Array) => told((acked = Number(fromBinary(BatchAckSchema, bytes).batches))));
    call.on("error", end);
    const pump = () => {
      if (over) return;
      while (call.write(batchOf(from + sent++).bytes) && sent % 8 !== 0);
      setTimeout(pump, 1);
    };
    pump();
  });
}

async function storedValues(server: ServerProcess): Promise<number[]> {
  const connection = new Connection(server.grpc);
  try {
    const { series } = await queryRange(connection, { metric: "m" });
    return series.flatMap(({ values }) => values).sort((a, b) => a - b);
  } finally {
    connection.close();
  }
}

/** Writes that the store counts: one that is there twice counts twice. */
async function countedPoints(server: ServerProcess): Promise<number> {
  const connection = new Connection(server.grpc);
  try {
    const { headPoints, resolutions } = await getStoreStats(connection);
    return Number(headPoints + resolutions[0].points);
  } finally {
    connection.close();
  }
}

test.each([
  ["kill -9, many times", "SIGKILL", ROUNDS],
  ["restarts in order, as of an upgrade, while senders go on", "SIGTERM", RESTARTS],
] as const)(
  "%s",
  async (_, signal, rounds) => {
    using dir = tempDir("kill");
    const random = randomOf(20261124);
    const data = join(dir.path, "data");
    /** Batches that must be there, and those that may be. */
    const acked = new Set<number>();
    const sent = new Set<number>();
    let next = 0;
    for (let round = 0; round < rounds; round++) {
      const env = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000", WATCHPOST_STORE_SEGMENT_BYTES_MAX: "1MiB" };
      const server = await startServerProcess({ data, env });
      const stored = await storedValues(server);
      expect(new Set(stored).size).toBe(stored.length);
      const found = new Map<number, number>();
      for (const value of stored) found.set(Math.floor(value / 1_000), (found.get(Math.floor(value / 1_000)) ?? 0) + 1);
      expect([...acked].filter((number) => found.get(number) !== BATCH_POINTS)).toEqual([]);
      expect([...found].filter(([number, points]) => !sent.has(number) || points !== BATCH_POINTS)).toEqual([]);
      expect(await countedPoints(server)).toBe(stored.length);
      expect(server.log().filter(({ damage }) => damage !== undefined)).toEqual([]);

      const begun = Promise.withResolvers<void>();
      const sending = sendUntilDeath(server, next, (acked) => acked > 0 && begun.resolve());
      // Every other one may end before anything was acknowledged.
      if (round % 2 === 0) await Promise.race([begun.promise, sending]);
      await Bun.sleep(20 + random() * 250);
      server.kill(signal);
      const round_ = await sending;
      const code = await server.exited;
      if (signal === "SIGTERM") expect(code).toBe(0);
      for (let i = 0; i < round_.sent; i++) sent.add(next + i);
      for (let i = 0; i < round_.acked; i++) acked.add(next + i);
      next += round_.sent;
    }
    expect(acked.size).toBeGreaterThanOrEqual(rounds / 2);
  },
  120_000,
);

test("kill -9 after the log has forgotten which sequences were given", async () => {
  using dir = tempDir("kill");
  const data = join(dir.path, "data");
  const restarted = async (round: number) => {
    const server = await startServerProcess({ data });
    const connection = new Connection(server.grpc);
    const call = connection.bidiStream(DataIngestion.method.streamData);
    for (let i = 0; i < 5; i++) {
      call.write(batchOf(5 * round + i).bytes);
      await once(call, "data");
    }
    call.end();
    await once(call, "end");
    connection.close();
    return server;
  };
  const first = await restarted(0);
  await first.stop();
  const state = new Database(join(data, "state.db"), { readwrite: true, strict: true });
  state.run("UPDATE meta SET value = 0 WHERE key = 'next_seq'");
  state.close();
  const second = await restarted(1);
  second.kill("SIGKILL");
  await second.exited;
  const third = await startServerProcess({ data });
  expect((await storedValues(third)).length).toBe(10 * BATCH_POINTS);
  expect(await countedPoints(third)).toBe(10 * BATCH_POINTS);
  await third.stop();
}, 120_000);
