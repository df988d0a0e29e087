/**
 * A disk that is full, under the real server: uploads are refused and told when to come again, reads and live streams
 * go on, and it recovers by itself. Every acknowledged point is there once, after a restart too.
 */
import { expect } from "bun:test";
import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeBatch } from "../../src/client/batch.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { StateDb } from "../../src/log/state-db.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { testNeeding, working } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const MOUNTABLE = working("leave to mount a tmpfs", ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]);
const LEVEL_WARN = 40;
const BATCH_POINTS = 1_000;
const JUNE_US = Date.UTC(2026, 5) * 1_000;
const MONTH_US = 31 * 86_400 * 1e6;

interface SmallDisk extends Disposable {
  readonly data: string;
  /** Takes all that is free. */
  fill(): void;
  free(): void;
  /** Killed before it is unmounted. */
  readonly servers: ServerProcess[];
}

function smallDisk(megabytes: number): SmallDisk {
  const dir = tempDir("full");
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "none", dir.path]);
  const filler = join(dir.path, "filler");
  const data = join(dir.path, "data");
  const servers: ServerProcess[] = [];
  mkdirSync(data);
  return {
    data,
    servers,
    fill() {
      const fd = openSync(filler, "a");
      for (const bytes of [1 << 20, 4096]) {
        try {
          while (writeSync(fd, new Uint8Array(bytes)) > 0);
        } catch {
          // As much as there was.
        }
      }
      closeSync(fd);
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]() {
      for (const { pid } of servers) Bun.spawnSync(["kill", "-9", String(pid)], { stderr: "ignore" });
      Bun.spawnSync(["umount", "-l", dir.path]);
      dir[Symbol.dispose]();
    },
  };
}

/** Batch `number`: its values are in no other one, its times in the month `month` after June. */
async function send(connection: Connection, number: number, month = 0): Promise<void> {
  const points = Array.from({ length: BATCH_POINTS }, (_, i) => ({
    metric: "m",
    value: number * BATCH_POINTS + i,
    timeUs: JUNE_US + month * MONTH_US + (number * BATCH_POINTS + i) * 1_000,
    tags: { n: String(i % 10) },
  }));
  await connection.unary(DataIngestion.method.uploadBatch, encodeBatch(points, "s").bytes, { deadlineMs: 30_000 });
}

/** Sends batches from `from` on until one is refused; returns its number and why. */
async function sendUntilRefused(
  connection: Connection,
  from: number,
): Promise<{ next: number; error: WatchpostError }> {
  for (let next = from; ; next++) {
    try {
      await send(connection, next);
    } catch (thrown) {
      return { next, error: errorOf(thrown) };
    }
  }
}

/** Tries until it is taken. */
async function sendPatiently(connection: Connection, number: number): Promise<void> {
  for (;;) {
    try {
      return await send(connection, number);
    } catch (thrown) {
      expect(errorOf(thrown).status).toBe("RESOURCE_EXHAUSTED");
      await Bun.sleep(100);
    }
  }
}

async function storedValues(connection: Connection): Promise<number[]> {
  const { series } = await queryRange(connection, { metric: "m" });
  return series.flatMap(({ values }) => values).sort((a, b) => a - b);
}

/** Of a stream that begins now, on a connection of its own. */
async function snapshotSize(address: string): Promise<number> {
  const connection = new Connection(address);
  const leaving = new AbortController();
  try {
    for await (const { metrics } of subscribe(connection, { metricNames: ["m"] }, { signal: leaving.signal })) {
      return metrics.length;
    }
    return 0;
  } finally {
    leaving.abort();
    connection.close();
  }
}

function upTo(batches: number): number[] {
  return Array.from({ length: batches * BATCH_POINTS }, (_, i) => i);
}

function segments(data: string): number {
  return readdirSync(data).filter((name) => name.endsWith(".wal")).length;
}

async function start(disk: SmallDisk, env: Record<string, string>): Promise<[ServerProcess, Connection]> {
  const started = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000", ...env };
  const server = await startServerProcess({ data: disk.data, env: started });
  disk.servers.push(server);
  return [server, new Connection(server.grpc)];
}

testNeeding([MOUNTABLE])(
  "refuses uploads, goes on answering, and takes them again when there is room",
  async () => {
    using disk = smallDisk(24);
    const env = { WATCHPOST_RETENTION_FREE_FLOOR: "none" };
    let [server, connection] = await start(disk, env);
    for (let number = 0; number < 25; number++) await send(connection, number);
    disk.fill();
    const { next, error } = await sendUntilRefused(connection, 25);
    expect(error.status).toBe("RESOURCE_EXHAUSTED");
    expect(error.message).toMatch(/the disk is full/);
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(await storedValues(connection)).toEqual(upTo(next));
    expect(await snapshotSize(server.grpc)).toBe(10);

    // It stays full for a few tries to open the log again.
    const before = segments(disk.data);
    for (let i = 0; i < 30; i++) {
      expect(await sendUntilRefused(connection, next)).toMatchObject({ next, error: { status: "RESOURCE_EXHAUSTED" } });
      await Bun.sleep(100);
    }
    expect(segments(disk.data)).toBeLessThanOrEqual(before + 1);
    expect(await storedValues(connection)).toEqual(upTo(next));

    disk.free();
    for (let number = next; number < next + 25; number++) await sendPatiently(connection, number);
    expect(await storedValues(connection)).toEqual(upTo(next + 25));
    connection.close();
    expect(await server.stop()).toBe(0);
    [server, connection] = await start(disk, env);
    expect(await storedValues(connection)).toEqual(upTo(next + 25));
    expect(server.log().filter(({ damage }) => damage !== undefined)).toEqual([]);
    connection.close();
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

testNeeding([MOUNTABLE])(
  "a kill while it is full loses nothing that was acknowledged, and it starts and stops while it is",
  async () => {
    using disk = smallDisk(24);
    const env = { WATCHPOST_RETENTION_FREE_FLOOR: "none" };
    let [server, connection] = await start(disk, env);
    await send(connection, 0);
    disk.fill();
    const { next } = await sendUntilRefused(connection, 1);
    server.kill();
    await server.exited;
    connection.close();
    [server, connection] = await start(disk, env);
    expect(await storedValues(connection)).toEqual(upTo(next));
    expect(await sendUntilRefused(connection, next)).toMatchObject({ next, error: { status: "RESOURCE_EXHAUSTED" } });
    connection.close();
    expect(await server.stop()).toBe(0);
    disk.free();
    [server, connection] = await start(disk, env);
    expect(await storedValues(connection)).toEqual(upTo(next));
    connection.close();
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

testNeeding([MOUNTABLE])(
  "retention makes room on a disk that others have filled to the last byte",
  async () => {
    using disk = smallDisk(32);
    const env = { WATCHPOST_RETENTION_FREE_FLOOR: "300KiB" };
    const [server, connection] = await start(disk, env);
    // Sealed, a month each file, before the disk is full.
    const months = 12;
    for (let number = 0; number < months * 10; number++) await send(connection, number, number / 10 - months);
    disk.fill();
    const next = months * 10;
    for (let number = next; number < next + 5; number++) await sendPatiently(connection, number);
    const dropped = server.log().filter((line) => line["dropped"] !== undefined);
    expect(dropped.length).toBeGreaterThan(0);
    expect(dropped[0]).toMatchObject({ level: LEVEL_WARN, dropped: { tier: "raw", reason: "floor" } });
    const values = await storedValues(connection);
    expect(values.slice(-5 * BATCH_POINTS)).toEqual(upTo(next + 5).slice(-5 * BATCH_POINTS));
    expect(values[0]).toBeGreaterThanOrEqual(BATCH_POINTS);
    connection.close();
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

testNeeding([MOUNTABLE])("a start without room, and an upgrade, say how much is free, and how much is wanted", () => {
  using disk = smallDisk(2);
  disk.fill();
  const full = /its disk is full: \S+ of 2MiB are free, wanted 1\S*MiB; make room$/;
  expect(() => StateDb.open(disk.data)).toThrow(full);
  disk.free();
  for (const name of readdirSync(disk.data)) rmSync(join(disk.data, name));
  {
    using database = new Database(join(disk.data, "state.db"), { create: true });
    database.run("PRAGMA journal_mode = WAL");
    database.run("CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
    database.run("INSERT INTO series VALUES (1, ?)", ["m".repeat(400_000)]);
    database.run("PRAGMA user_version = 1");
  }
  disk.fill();
  expect(() => StateDb.open(disk.data)).toThrow(full);
  expect(() => StateDb.open(disk.data)).toThrow("before it is upgraded from format 1 a copy is made");
  disk.free();
  StateDb.open(disk.data).close();
});
