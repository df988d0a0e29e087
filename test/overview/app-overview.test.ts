/** What the whole server tells of itself and of what happened, over gRPC. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startServer, type RunningServer } from "../../src/app.ts";
import { Connection } from "../../src/client/connection.ts";
import { allChanges, followChanges, watchStatus } from "../../src/client/server.ts";
import { loadConfig } from "../../src/config/load.ts";
import { messageOf } from "../../src/model/errors.ts";
import type { ServerStatus } from "../../src/wire/gen/server_pb.ts";
import { spawn } from "../log/harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const START_MS = Date.UTC(2026, 0, 1);
const dir = tempDir("overview");
let clock: ManualClock;
let server: RunningServer;
let connection: Connection;

async function start() {
  clock = new ManualClock(START_MS);
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const silent = () => {};
  const logger = { info: silent, warn: silent, error: silent, debug: silent };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, clock, onFatal });
  connection = new Connection(server.grpcAddress);
}

async function stop() {
  connection.close();
  await server.close();
}

beforeAll(start);

afterAll(async () => {
  await stop();
  dir[Symbol.dispose]();
});

async function call(method: string, request: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://${server.httpAddress}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return (await answer.json()) as Record<string, unknown>;
}

const send = (points: readonly object[]) => call("DataIngestion/UploadBatch", { source: "s", points });
const at = (ms: number) => new Date(ms).toISOString();

async function status(): Promise<ServerStatus> {
  for await (const told of watchStatus(connection, 500)) return told;
  throw new Error("no status came");
}

test("points are told by rate, lag and why they were refused", async () => {
  await call("Devices/RegisterDevice", {
    device: { deviceId: "d", sensors: [{ metricName: "t", validMax: 10, outOfRange: "refuse" }] },
  });
  const good = { metricName: "t", value: 1, tags: { device: "d" }, timestamp: at(START_MS - 2_000) };
  await send([
    ...Array.from({ length: 10 }, (_, i) => ({ ...good, timestamp: at(START_MS - 2_000 - i) })),
    { ...good, value: 11 },
    { ...good, value: "NaN" },
    { ...good, timestamp: at(START_MS + 3_600_000) },
    { ...good, timestamp: at(-1) },
    { ...good, metricName: "no spaces" },
    { ...good, metricName: "no spaces", value: "Infinity" },
  ]);
  clock.advance(5_000);
  const told = await status();
  expect(told.pointsPerS).toBe(2);
  expect(told.pointsTotal).toBe(10n);
  expect(told.lag!.readingP50Ms).toBeGreaterThan(1_000);
  expect(told.lag!.readingP50Ms).toBeLessThan(3_000);
  const refused = told.refused.map(({ reason, total, lastMinute }) => [reason, total, lastMinute]);
  expect(refused.sort()).toEqual([
    ["bad_series", 1n, 1n],
    ["not_finite", 2n, 2n],
    ["out_of_range", 1n, 1n],
    ["too_far_ahead", 1n, 1n],
    ["too_old", 1n, 1n],
  ]);
  expect(told.problems).toEqual([]);
  expect([told.series, told.devices, told.uploadStreams]).toEqual([1n, 1n, 0]);
  expect(told.diskFreeBytes).toBeGreaterThan(0n);
  clock.advance(70_000);
  const later = await status();
  expect(later.pointsPerS).toBe(0);
  expect(later.refused.every(({ lastMinute }) => lastMinute === 0n)).toBe(true);
});

test("a status comes at once, then in intervals; others are refused by name", async () => {
  const leave = new AbortController();
  const stream = watchStatus(connection, 1_000, { signal: leave.signal });
  const times: number[] = [];
  // Whether it has begun to wait cannot be seen from here.
  const going = setInterval(() => clock.advance(1_000), 20);
  for await (const { time } of stream) {
    times.push(Number(time!.seconds));
    if (times.length === 3) leave.abort();
  }
  clearInterval(going);
  expect(times[1] - times[0]).toBeGreaterThanOrEqual(1);
  expect(times[2] - times[1]).toBeGreaterThanOrEqual(1);
  const failure = await watchStatus(connection, 3).next().catch(messageOf);
  expect(failure).toContain("interval_ms");
});

test("what people and devices do is told, from before a restart, too, and a reader goes on over it", async () => {
  await call("Devices/UpdateDevice", { device: { deviceId: "d", name: "Pump" }, fields: ["name"], userId: "ann" });
  await call("Alerts/PublishAlert", { rule: "leak", title: "Water in hall 3", severity: "high" });
  const { alerts } = (await call("Alerts/ListAlerts", {})) as { alerts: { id: string }[] };
  await call("Alerts/AcknowledgeAlert", { id: alerts[0].id, userId: "bob", comment: "on my way" });
  await call("Collaboration/CreateSession", { sessionId: "s1", title: "leak", userId: "ann" });
  await call("Collaboration/SendMessage", { sessionId: "s1", userId: "ann", message: "hello" });
  await call("Collaboration/CreateIssue", { title: "fix the pump", userId: "ann" });
  await call("Collaboration/UpdateIssue", { number: 1, status: "ISSUE_STATUS_IN_PROGRESS", userId: "bob" });
  await call("Collaboration/CreateAnnotation", {
    userId: "ann",
    text: "oil changed",
    pin: { device: "d", metric: "t" },
  });
  await call("Alerts/PutRule", {
    userId: "ann",
    rule: { name: "hot", metric: "t", threshold: { op: "above", value: 9 }, severity: "high" },
  });
  await call("Alerts/PutSilence", {
    silence: { matchers: ["alertname=leak"], author: "ann", comment: "known", endsAt: at(START_MS + 3_600_000) },
  });
  const wanted = [
    ": Device",
    "ann: Pump (d) was changed: name",
    ": Fired: Water in hall 3",
    "bob: Acknowledged: Water in hall 3 (on my way)",
    "ann: session s1 was opened: leak",
    "ann: Issue 1 was opened: fix the pump",
    "bob: Issue 1 is in progress: fix the pump",
    "ann: Note on t of d created: oil changed",
    "ann: Silence set: known",
  ];
  const list = async () => {
    const changes = (await Array.fromAsync(allChanges(connection, []))).reverse();
    return changes.map(({ userId, text }) => `${userId === "anonymous" ? "" : userId}: ${text}`);
  };
  const before = await list();
  for (const text of wanted.slice(1)) expect(before).toContain(text);
  await stop();
  await start();
  expect((await list()).slice(0, before.length)).toEqual(before);

  const leave = new AbortController();
  const heard: string[] = [];
  const following = followChanges(connection, { kinds: ["issue"], last: 1 }, { signal: leave.signal });
  for await (const { text } of following) {
    heard.push(text);
    if (heard.length === 1) await call("Collaboration/CommentIssue", { number: 1, userId: "ann", text: "done" });
    else leave.abort();
  }
  expect(heard).toEqual(["Issue 1 is in progress: fix the pump", "Issue 1 commented on: fix the pump"]);
});

test("what is no page, no cursor or no kind is refused by name; what stands in names stays what it is", async () => {
  expect(await call("Server/ListChanges", { page: "nonsense" })).toMatchObject({
    message: expect.stringContaining("page"),
  });
  expect(await call("Server/ListChanges", { kinds: ["__proto__"] })).toMatchObject({
    message: expect.stringContaining("kinds[0]"),
  });
  const failure = await followChanges(connection, { kinds: [], cursor: "x" }).next().catch(messageOf);
  expect(failure).toContain("cursor");
  const deviceId = `<img src=x>\n${"x".repeat(400)}`;
  await call("Devices/RegisterDevice", { device: { deviceId } });
  const { changes } = (await call("Server/ListChanges", { kinds: ["device"], limit: 1 })) as { changes: object[] };
  expect(changes).toMatchObject([{ subject: deviceId, text: `${deviceId} was registered` }]);
});

test("alerts of one device are listed by it", async () => {
  await call("Alerts/PublishAlert", { rule: "hot", labels: { device: "d" }, title: "hot", severity: "low" });
  const { alerts } = (await call("Alerts/ListAlerts", { devices: ["d"] })) as { alerts: { title: string }[] };
  expect(alerts.map(({ title }) => title)).toEqual(["hot"]);
  expect(await call("Alerts/ListAlerts", { devices: [""] })).toMatchObject({
    message: expect.stringContaining("devices[0]"),
  });
});
