/** The store in its worker, as the event loop sees it. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { readForeignBlock } from "../../src/codec/foreign-block.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { StoreClient, type RangeQuery, type StoreOptions } from "../../src/store/store-client.ts";
import { DECEMBER_US, NOVEMBER_US, openStore, plain, recordOf, writeSegment } from "./harness.ts";
import type { Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const ENTRY = join(import.meta.dir, "../../src/thread.ts");
const ALL: RangeQuery = { seriesIds: Uint32Array.of(1, 2, 3), fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e6 };

interface Client extends AsyncDisposable {
  readonly store: StoreClient;
  readonly opened: Awaited<ReturnType<typeof StoreClient.open>>["opened"];
  readonly worker: Worker;
}

async function openClient(options: Partial<StoreOptions> & { dir: string }): Promise<Client> {
  const workers: Worker[] = [];
  const { store, opened } = await StoreClient.open(
    (role) => {
      workers.push(new Worker(ENTRY, { workerData: { role } }));
      return workers[0];
    },
    { segments: [], ...options },
  );
  return { store, opened, worker: workers[0], [Symbol.asyncDispose]: () => store.close() };
}

function walk(count: number, fromUs = NOVEMBER_US): Point[] {
  return Array.from({ length: count }, (_, i): Point => [1 + (i % 3), fromUs + i * 1000, i % 90]);
}

function statusOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no failure",
    (error: WatchpostError) => error.status,
  );
}

test("what is absorbed is found at once, sealed on demand, and there after reopening", async () => {
  using folder = tempDir("store");
  const points = walk(3000);
  const expected = [1, 2, 3].map((id) =>
    points.filter((point) => point[0] === id).map(([, t, v]): [number, number] => [t, v]),
  );
  const sealed: number[] = [];
  {
    await using client = await openClient({ dir: folder.path });
    const { store } = client;
    store.onSealed(({ throughSeq }) => sealed.push(throughSeq));
    const record = recordOf(1, points);
    const { byteLength } = record;
    store.absorb(record);
    expect(record.byteLength).toBe(0);
    expect(store.unsealedBytes).toBe(byteLength);
    expect(plain(await store.range(ALL), ALL.seriesIds.length)).toEqual(expected);
    await store.seal();
    expect(sealed).toEqual([1]);
    expect(store.unsealedBytes).toBe(0);
    expect(plain(await store.range(ALL), ALL.seriesIds.length)).toEqual(expected);
    store.absorb(recordOf(2, [[1, DECEMBER_US, 5]]));
    await store.compact();
    expect(await store.stats()).toMatchObject({ headPoints: 1, chunkPoints: 3000, absorbedSeq: 2, sealedSeq: 1 });
  }
  expect(sealed).toEqual([1, 2]);
  await using again = await openClient({ dir: folder.path });
  const { latest } = again.opened;
  expect([...latest.seriesIds]).toEqual([1, 2, 3]);
  expect([latest.timesUs[0], latest.values[0]]).toEqual([DECEMBER_US, 5]);
  expect(await again.store.stats()).toMatchObject({ headPoints: 0, chunkPoints: 3001 });
});

test("what another value of the same time replaced is counted when it is sealed; a repeat is not", async () => {
  using folder = tempDir("store");
  await using client = await openClient({ dir: folder.path });
  const superseded: number[] = [];
  client.store.onSealed((sealed) => superseded.push(sealed.superseded));
  client.store.absorb(
    recordOf(1, [
      [1, DECEMBER_US, 5],
      [1, DECEMBER_US, 6],
      [1, DECEMBER_US, 6],
      [2, DECEMBER_US, 5],
    ]),
  );
  await client.store.seal();
  expect(superseded).toEqual([1]);
});

test("a log is replayed before the store is open, and a long one is sealed on the way", async () => {
  using folder = tempDir("store");
  const records = [1, 2, 3, 4, 5].map((seq) => recordOf(seq, walk(300, NOVEMBER_US + seq * 1e9)));
  const segments = [writeSegment(join(folder.path, "log-1.wal"), records)];
  await using client = await openClient({ dir: folder.path, segments, headPointsMax: 300 });
  const sealed: number[] = [];
  client.store.onSealed(({ throughSeq }) => sealed.push(throughSeq));
  expect(client.opened).toMatchObject({ replayedPoints: 1500, damage: [] });
  expect(sealed.slice(0, 3)).toEqual([1, 2, 3]);
  expect((await client.store.range(ALL)).timesUs.length).toBe(1500);
  await client.store.seal();
  expect(client.store.unsealedBytes).toBe(0);
});

test("a query is cancelled, one past pointsMax is refused, both leave the store as it was", async () => {
  using folder = tempDir("store");
  await using client = await openClient({ dir: folder.path });
  client.store.absorb(recordOf(1, walk(60_000)));
  expect(await statusOf(client.store.range(ALL, { signal: AbortSignal.abort() }))).toBe("CANCELLED");
  const controller = new AbortController();
  const asked = [1, 2, 3, 4, 5, 6].map(() => client.store.range(ALL, { signal: controller.signal }));
  controller.abort();
  expect(await Promise.all(asked.map(statusOf))).toEqual(Array(6).fill("CANCELLED"));
  expect(await statusOf(client.store.range({ ...ALL, pointsMax: 59_999 }))).toBe("RESOURCE_EXHAUSTED");
  expect((await client.store.range({ ...ALL, pointsMax: 60_000 })).timesUs.length).toBe(60_000);
});

test("a worker that ends by itself is told once, everything fails with UNAVAILABLE, closing still works", async () => {
  using folder = tempDir("store");
  const client = await openClient({ dir: folder.path });
  const crashes: string[] = [];
  client.store.onCrash((error) => crashes.push(error.status));
  client.store.absorb(recordOf(1, walk(30)));
  const asked = client.store.range(ALL);
  const answered = statusOf(asked);
  await asked;
  const seals = statusOf(client.store.seal().then(() => client.store.seal()));
  await client.worker.terminate();
  expect(["UNAVAILABLE", "no failure"]).toContain(await seals);
  expect(await answered).toBe("no failure");
  expect(crashes).toEqual(["UNAVAILABLE"]);
  expect(await statusOf(client.store.range(ALL))).toBe("UNAVAILABLE");
  expect(await statusOf(client.store.stats())).toBe("UNAVAILABLE");
  client.store.absorb(recordOf(2, walk(30)));
  await client.store.close();
  await client.store.close();
  expect(crashes.length).toBe(1);
});

test("a defect in the worker is a crash with its reason", async () => {
  using folder = tempDir("store");
  const client = await openClient({ dir: folder.path });
  const crashed = new Promise<WatchpostError>((resolve) => client.store.onCrash(resolve));
  client.store.absorb(new ArrayBuffer(8));
  const error = await crashed;
  expect(error.status).toBe("UNAVAILABLE");
  expect(error.message).toMatch(/the store worker is gone: ./);
  await client.store.close();
});

test("closing seals, is idempotent, and fails what is still asked", async () => {
  using folder = tempDir("store");
  const client = await openClient({ dir: folder.path });
  client.store.absorb(recordOf(1, walk(90_000)));
  const asked = Array.from({ length: 8 }, () => statusOf(client.store.range(ALL)));
  const closing = client.store.close();
  expect(client.store.close()).toBe(closing);
  await closing;
  for (const status of await Promise.all(asked)) expect(["UNAVAILABLE", "no failure"]).toContain(status);
  expect(await statusOf(client.store.seal())).toBe("UNAVAILABLE");
  using again = openStore({ dir: folder.path });
  expect(again.store.stats()).toMatchObject({ headPoints: 0, chunkPoints: 90_000 });
});

test("opening fails by name where a later version wrote a file, and the worker ends", async () => {
  using folder = tempDir("store");
  {
    using open = openStore({ dir: folder.path });
    open.store.absorb(recordOf(1, walk(3)));
  }
  const database = new Database(join(folder.path, "points-2026-11.db"), { readwrite: true });
  database.run("PRAGMA user_version = 9");
  database.close();
  await expect(openClient({ dir: folder.path })).rejects.toMatchObject({
    status: "FAILED_PRECONDITION",
    message: expect.stringContaining("points-2026-11.db has schema version 9"),
  });
});

test("damage and trouble reach the event loop", async () => {
  using folder = tempDir("store");
  writeFileSync(join(folder.path, "points-2026-11.db"), "garbage");
  await using client = await openClient({ dir: folder.path, segments: [] });
  expect(client.opened.damage).toEqual([expect.stringContaining("points-2026-11.db cannot be read")]);
  mkdirSync(join(folder.path, "points-2026-11.1.db.new", "in the way"), { recursive: true });
  const trouble = new Promise<string>((resolve) => client.store.onTrouble(resolve));
  client.store.absorb(recordOf(1, walk(3)));
  expect(await statusOf(client.store.seal())).toBe("UNAVAILABLE");
  expect(await trouble).toMatch(/points-2026-11\.1\.db cannot be made.*nothing is lost, tried again in \d+ ms/);
  expect((await client.store.range(ALL)).timesUs.length).toBe(3);
});

test("what is undelivered goes out in blocks, newest first, and can be asked about", async () => {
  using folder = tempDir("store");
  await using client = await openClient({ dir: folder.path, undelivered: [[2, Infinity]] });
  const { store } = client;
  for (const seq of [1, 2, 3]) store.absorb(recordOf(seq, walk(30, NOVEMBER_US + seq * 1e9)));
  store.setUndelivered([[1, Infinity]]);
  await store.seal();
  store.absorb(recordOf(4, walk(30, NOVEMBER_US + 4e9)));
  const query = { ranges: [[1, Infinity]] as const, seriesIds: null, rowsMax: 65_536, bytesMax: 1e6 };
  const first = await store.undelivered({ ...query, cursor: null });
  expect(first).toMatchObject({ delivered: [[4, 5]], sequences: [4, 5], replaced: 0, unreadable: [] });
  const last = await store.undelivered({ ...query, cursor: first.next });
  expect(last).toMatchObject({ delivered: [[1, 4]], next: null });
  const counts = [first, last].map(({ block }) => {
    return [...readForeignBlock(block!.index, block!.body).chunks()].map(({ timesUs }) => timesUs.length);
  });
  expect(counts).toEqual([
    [10, 10, 10],
    [30, 30, 30],
  ]);
  expect(await store.countUndelivered([[4, Infinity]])).toMatchObject({ points: 30, fromUs: NOVEMBER_US + 4e9 });
  expect(await store.sequencesOf(NOVEMBER_US + 4e9, NOVEMBER_US + 5e9)).toEqual([[4, 5]]);
  const aborted = AbortSignal.abort();
  expect(await statusOf(store.undelivered({ ...query, cursor: null }, { signal: aborted }))).toBe("CANCELLED");
});
