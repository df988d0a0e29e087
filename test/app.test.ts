/** The whole server in this process, with a clock of the test's own. */
import { expect, spyOn, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { Connection } from "../src/client/connection.ts";
import { queryRange } from "../src/client/query.ts";
import { loadConfig } from "../src/config/load.ts";
import { MemoryBudget } from "../src/ingestion/memory-budget.ts";
import { spawn } from "./log/harness.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { tempDir } from "./support/server-process.ts";

const DAY_MS = 86_400_000;

async function start(data: string, clock: ManualClock) {
  const flags = { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const told: string[] = [];
  const tell = (_: object, sentence: string) => void told.push(sentence);
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  return { server: await startServer(config, { spawn, logger, clock, onFatal }), told };
}

async function upload(
  { httpAddress }: RunningServer,
  value: number,
  timeMs?: number,
): Promise<{ pointsFailed?: string }> {
  const timestamp = timeMs === undefined ? {} : { timestamp: new Date(timeMs).toISOString() };
  const response = await fetch(`http://${httpAddress}/analytics.DataIngestion/UploadBatch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ source: "s", points: [{ metricName: "m", value, ...timestamp }] }),
  });
  return (await response.json()) as { pointsFailed?: string };
}

async function metric({ httpAddress }: RunningServer, name: string): Promise<number> {
  const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)![1]);
}

test("a clock that fell behind what is stored is not believed until it has caught up", async () => {
  using dir = tempDir("clock");
  const todayMs = Date.UTC(2026, 0, 1);
  const ahead = await start(dir.path, new ManualClock(todayMs + DAY_MS));
  expect(await upload(ahead.server, 1)).not.toHaveProperty("pointsFailed");
  expect(await metric(ahead.server, "watchpost_clock_untrusted")).toBe(0);
  await ahead.server.close();

  const clock = new ManualClock(todayMs);
  const behind = await start(dir.path, clock);
  expect(behind.told.join()).toContain("the wall clock is behind the newest stored arrival");
  expect(await metric(behind.server, "watchpost_clock_untrusted")).toBe(1);
  expect(await upload(behind.server, 2, todayMs + 7 * DAY_MS)).not.toHaveProperty("pointsFailed");
  clock.advance(DAY_MS);
  expect(await upload(behind.server, 3, todayMs + 8 * DAY_MS)).toHaveProperty("pointsFailed", "1");
  expect(await metric(behind.server, "watchpost_clock_untrusted")).toBe(0);
  expect(behind.told.join()).toContain("caught up");
  await behind.server.close();
});

test("/metrics tells what came in, what is kept and who watches", async () => {
  using dir = tempDir("metrics");
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { server } = await start(dir.path, clock);
  const found = async (name: string) => (await metric(server, `watchpost_${name}`)) as number;
  for (let i = 0; i < 3; i++) await upload(server, i);
  await upload(server, 4, 1);
  await upload(server, 5, -1);
  const leave = new AbortController();
  const live = await fetch(`http://${server.httpAddress}/live?metric=m`, { signal: leave.signal });
  await live.body!.getReader().read();
  await fetch(`http://${server.httpAddress}/analytics.Dashboard/QueryRange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"metric":"m"}',
  });
  for (const [name, value] of [
    ['points_total{result="stored"}', 4],
    ['points_total{result="refused"}', 1],
    ['batches_total{result="accepted"}', 5],
    ["batch_duration_seconds_count", 4],
    ["commit_duration_seconds_count", 4],
    ["commit_points_total", 4],
    ['commits_total{result="synced"}', 4],
    ["series", 1],
    ['devices{status="offline"}', 0],
    ["device_deaths_ignored_total", 0],
    ['queue_depth{queue="devices"}', 0],
    ["head_points", 4],
    ["blocks", 0],
    ["subscriptions", 1],
    ["pushes_total", 1],
    ["conflated_total", 0],
    ['queue_depth{queue="commit"}', 0],
    ['queue_depth{queue="memory"}', 0],
    ["query_duration_seconds_count", 1],
    ["query_series_read_total", 1],
    ["query_points_read_total", 4],
    ['call_duration_seconds_count{method="analytics.Dashboard/QueryRange"}', 1],
    ['calls_started_total{method="analytics.DataIngestion/UploadBatch"}', 5],
    ['open_calls{method="analytics.Dashboard/SubscribeMetrics"}', 1],
    ["alert_evaluations_total", 0],
    ['active_alerts{severity="high",acknowledged="false"}', 0],
    ['calls_total{method="analytics.DataIngestion/UploadBatch",status="OK"}', 5],
    ["damaged_records_total", 0],
  ] as const) {
    expect([name, await found(name.replace(/[{}]/g, "\\$&"))]).toEqual([name, value]);
  }
  for (const name of ['queue_depth\\{queue="store"\\}', 'event_loop_lag_seconds\\{statistic="p99"\\}']) {
    expect(await found(name)).toBeGreaterThanOrEqual(0);
  }
  for (const name of [
    "log_bytes",
    "log_syncs_total",
    "log_sync_seconds_total",
    "open_files",
    "resident_memory_bytes",
    "cpu_seconds_total",
    "disk_free_bytes",
  ]) {
    expect(await found(name)).toBeGreaterThan(0);
  }
  leave.abort();
  while ((await found("subscriptions")) !== 0) await Bun.sleep(5);
  await server.close();
});

test("an answer takes of the memory budget until it has left, over gRPC and HTTP; without room it is refused", async () => {
  using dir = tempDir("answers");
  const { server } = await start(dir.path, new ManualClock(Date.UTC(2026, 0, 1)));
  const points = Array.from({ length: 5_000 }, (_, i) => ({ metricName: "m", value: i }));
  await fetch(`http://${server.httpAddress}/analytics.DataIngestion/UploadBatch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ source: "s", points }),
  });
  const inFlight = () => metric(server, 'watchpost_memory_budget_used_bytes\\{part="in_flight"\\}');
  const ask = () =>
    fetch(`http://${server.httpAddress}/analytics.Dashboard/QueryRange`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"metric":"m"}',
    });
  const { tryReserveNow, release } = MemoryBudget.prototype;
  const held = { now: 0, most: 0 };
  const reserving = spyOn(MemoryBudget.prototype, "tryReserveNow").mockImplementation(function (
    this: MemoryBudget,
    bytes,
  ) {
    held.most = Math.max(held.most, (held.now += bytes));
    return tryReserveNow.call(this, bytes);
  });
  const releasing = spyOn(MemoryBudget.prototype, "release").mockImplementation(function (this: MemoryBudget, bytes) {
    held.now -= bytes;
    release.call(this, bytes);
  });
  const connection = new Connection(server.grpcAddress);
  try {
    expect(await (await ask()).json()).toMatchObject({ pointsTotal: "5000" });
    expect(await queryRange(connection, { metric: "m" })).toMatchObject({ pointsTotal: 5_000n });
    while (held.now !== 0) await Bun.sleep(1);
    expect(held.most).toBe(16 * 5_000);
    expect(await inFlight()).toBe(0);
    reserving.mockImplementation(() => false);
    const full = await ask();
    expect([full.status, await full.json()]).toEqual([429, expect.objectContaining({ code: "resource_exhausted" })]);
  } finally {
    reserving.mockRestore();
    releasing.mockRestore();
    connection.close();
    await server.close();
  }
});

test("while uploads are refused for want of memory nobody is silent, nor for a while after", async () => {
  using dir = tempDir("overload");
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { server, told } = await start(dir.path, clock);
  const call = async (method: string, body: object) => {
    const url = `http://${server.httpAddress}/analytics.${method}`;
    const headers = { "content-type": "application/json" };
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  };
  const firing = async () =>
    Number(
      ((await (await call("Alerts/GetRule", { name: "dead" })).json()) as { info?: { firing?: string } }).info
        ?.firing ?? 0,
    );
  const put = await call("Alerts/PutRule", {
    rule: { name: "dead", metric: "m", groupBy: ["source"], condition: { absence: { after: "30s" } } },
  });
  expect([put.status, await put.json()]).toEqual([200, expect.anything()]);
  await upload(server, 1);
  clock.advance(10_000);
  const usedBytes = Object.getOwnPropertyDescriptor(MemoryBudget.prototype, "usedBytes")!;
  Object.defineProperty(MemoryBudget.prototype, "usedBytes", { ...usedBytes, get: () => Infinity });
  try {
    for (let i = 0; i < 12; i++) {
      // Each waits for 5 s before it is refused.
      const refused = call("DataIngestion/UploadBatch", { source: "s", points: [{ metricName: "m", value: 2 }] });
      while ((await metric(server, 'watchpost_queue_depth\\{queue="memory"\\}')) === 0) await Bun.sleep(1);
      clock.advance(5_000);
      expect((await refused).status).toBe(429);
    }
  } finally {
    Object.defineProperty(MemoryBudget.prototype, "usedBytes", usedBytes);
  }
  expect(told.join()).toContain("no series is silent");
  expect(await firing()).toBe(0);
  clock.advance(10_000);
  expect(told.at(-1)).toBe("points get through again");
  // It had been silent for 12 s when the first of them had waited too long.
  clock.advance(15_000);
  expect(await firing()).toBe(0);
  clock.advance(10_000);
  expect(await firing()).toBe(1);
  await server.close();
});
