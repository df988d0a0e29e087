/** Clients over a server that is killed and comes back: nothing is lost, and they say so. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { batchesOf } from "../../src/client/batch.ts";
import { Connection, type Retry } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const POINTS = 60_000;

test("an upload and a subscription go on over a kill and a restart", async () => {
  using dir = tempDir("resume");
  const data = join(dir.path, "data");
  const first = await startServerProcess({ data });
  const uploading = new Connection(first.grpc, { random: () => 0 });
  const watching = new Connection(first.grpc, { random: () => 0 });
  const retries: Retry[] = [];
  const leaving = new AbortController();
  let snapshots = 0;
  const watched = (async () => {
    for await (const update of subscribe(watching, { metricNames: ["*"] }, { signal: leaving.signal })) {
      if (update.snapshot) snapshots++;
    }
  })();

  let acked = 0;
  const halfway = Promise.withResolvers<void>();
  const restarted = Promise.withResolvers<void>();
  async function* points() {
    for (let i = 0; i < POINTS; i++) {
      if (i === POINTS / 2) {
        halfway.resolve();
        await restarted.promise;
      }
      yield { metric: "m", value: i, timeUs: 1_700_000_000_000_000 + i * 1_000 };
    }
  }
  const upload = uploadAll(uploading, batchesOf(points(), "s", 500), {
    onRetry: (retry) => retries.push(retry),
    onProgress: (progress) => (acked = progress.points),
  });
  await halfway.promise;
  while (snapshots === 0) await Bun.sleep(5);
  first.kill("SIGKILL");
  await first.exited;
  const second = await startServerProcess({ data, args: ["--grpc", first.grpc] });
  restarted.resolve();
  expect((await upload).points).toBe(POINTS);
  expect(acked).toBe(POINTS);
  expect(retries.length).toBeGreaterThan(0);
  expect(retries[0].error.status).toBe("UNAVAILABLE");
  while (snapshots < 2) await Bun.sleep(5);
  leaving.abort();
  await watched;
  const { series } = await queryRange(watching, { metric: "m" });
  expect(series.map(({ values }) => values)).toEqual([Array.from({ length: POINTS }, (_, i) => i)]);
  uploading.close();
  watching.close();
  await second.stop();
}, 120_000);

test("what cannot be mended by trying again fails at once", async () => {
  using dir = tempDir("resume");
  const server = await startServerProcess({ data: join(dir.path, "data") });
  const connection = new Connection(server.grpc);
  const retries: Retry[] = [];
  const wrong = subscribe(connection, { metricNames: [] }, { onRetry: (retry) => retries.push(retry) });
  await expect(Array.fromAsync(wrong)).rejects.toMatchObject({ status: "INVALID_ARGUMENT" });
  async function* broken() {
    yield* [] as never[];
    throw new Error("the disk of the sender");
  }
  await expect(uploadAll(connection, broken())).rejects.toThrow("the disk of the sender");
  const leaving = AbortSignal.timeout(20);
  async function* endless() {
    for (;;) yield* await Bun.sleep(1).then(() => [{ metric: "m", value: 1 }]);
  }
  await expect(uploadAll(connection, batchesOf(endless(), "s", 1), { signal: leaving })).rejects.toMatchObject({
    status: "CANCELLED",
  });
  expect(retries).toEqual([]);
  connection.close();
  await server.stop();
}, 120_000);

test("a query with patience waits for a server that restarts", async () => {
  using dir = tempDir("resume");
  const data = join(dir.path, "data");
  const first = await startServerProcess({ data });
  await first.stop();
  const connection = new Connection(first.grpc, { random: () => 0 });
  await expect(queryRange(connection, { metric: "m" })).rejects.toMatchObject({ status: "UNAVAILABLE" });
  const retried = Promise.withResolvers<Retry>();
  const answer = queryRange(connection, { metric: "m" }, { patienceMs: 60_000, onRetry: retried.resolve });
  expect((await retried.promise).error.status).toBe("UNAVAILABLE");
  const second = await startServerProcess({ data, args: ["--grpc", first.grpc] });
  expect((await answer).series).toEqual([]);
  connection.close();
  await second.stop();
}, 120_000);
