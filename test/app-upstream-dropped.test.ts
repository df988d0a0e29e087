/** The whole server: what retention takes of the backlog is counted for the upstream and alarmed, whenever it does. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type RunningServer } from "../src/app.ts";
import { loadConfig } from "../src/config/load.ts";
import { systemClock } from "../src/model/system-clock.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

const DAY_MS = 86_400_000;

interface Listed {
  readonly alerts?: readonly {
    id: string;
    title: string;
    description: string;
    value: number;
    clearedAt?: string;
    clearedReason?: string;
  }[];
}
interface Delivery {
  readonly upstreams: readonly { queuedPoints?: string; sources?: { source: string; droppedPoints?: string }[] }[];
}

/** It forwards to where nobody listens. */
async function start(dir: string, rawRetention: string, rulesText = "rules: []\n"): Promise<RunningServer> {
  // Reading rules takes a start longer than looking for files that are too old.
  const rules = join(dir, "rules.yaml");
  writeFileSync(rules, rulesText);
  const { config } = loadConfig({
    env: {
      WATCHPOST_UPSTREAM_ADDRESS: "127.0.0.1:1",
      WATCHPOST_UPSTREAM_SOURCES: "gw-*",
      WATCHPOST_RETENTION_RAW: rawRetention,
      WATCHPOST_ALERTS_RULES_FILE: rules,
    },
    flags: { data: join(dir, "data"), grpc: "127.0.0.1:0", http: "127.0.0.1:0" },
    machineMemoryBytes: 2 ** 31,
  });
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const onFatal = (error: Error) => {
    throw error;
  };
  return startServer(config, { spawn, logger, clock: systemClock, onFatal });
}

async function call<T>({ httpAddress }: RunningServer, method: string, body: object): Promise<T> {
  const response = await fetch(`http://${httpAddress}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect([method, response.status, response.ok ? "" : await response.text()]).toEqual([method, 200, ""]);
  return (await response.json()) as T;
}

/** `count` points, a minute from one to the next. */
async function upload(server: RunningServer, source: string, daysAgo: number, count: number): Promise<void> {
  const firstMs = Date.now() - daysAgo * DAY_MS - count * 60_000;
  const points = Array.from({ length: count }, (_, i) => {
    return { metricName: "m", value: i, timestamp: new Date(firstMs + i * 60_000).toISOString() };
  });
  await call(server, "DataIngestion/UploadBatch", { source, points });
}

/** Dropped by source, once nothing more than `queued` waits. */
async function droppedOnce(server: RunningServer, queued: number): Promise<Record<string, number>> {
  for (let i = 0; ; i++) {
    const { upstreams } = await call<Delivery>(server, "DataIngestion/GetDelivery", {});
    const [{ queuedPoints = "0", sources = [] }] = upstreams;
    if (Number(queuedPoints) === queued || i === 800) {
      expect(Number(queuedPoints)).toBe(queued);
      return Object.fromEntries(sources.map(({ source, droppedPoints = "0" }) => [source, Number(droppedPoints)]));
    }
    await Bun.sleep(25);
  }
}

/** The alerts about it, once one that is active tells of `points`. */
async function alertsOnce(server: RunningServer, points: number) {
  for (let i = 0; ; i++) {
    const { alerts = [] } = await call<Listed>(server, "Alerts/ListAlerts", { rules: ["upstream_dropped"] });
    const isTold = alerts.some(({ value, clearedAt }) => value === points && clearedAt === undefined);
    if (isTold || i === 800) return alerts;
    await Bun.sleep(25);
  }
}

test("what retention takes while a server starts is counted for the upstream, and the alert says how much since it fired", async () => {
  using dir = tempDir("upstream-dropped");
  let server = await start(dir.path, "keep");
  for (const [source, daysAgo, points] of [
    ["gw-1", 400, 20],
    ["gw-1", 350, 300],
    ["gw-2", 350, 1],
    ["local", 350, 50],
    ["gw-1", 200, 4_000],
    ["gw-1", 80, 5],
    ["gw-2", 0, 7],
  ] as const) {
    await upload(server, source, daysAgo, points);
  }
  expect(await droppedOnce(server, 4_333)).toEqual({ "gw-1": 0, "gw-2": 0 });
  await server.close();

  // Nothing goes in a start that comes to nothing.
  await expect(start(dir.path, "300d", "rule: []\n")).rejects.toThrow("rules.yaml");
  server = await start(dir.path, "300d");
  expect(await droppedOnce(server, 4_012)).toEqual({ "gw-1": 320, "gw-2": 1 });
  const [first, ...others] = await alertsOnce(server, 321);
  expect(others).toEqual([]);
  expect(first.title).toBe("321 points are lost for the upstream");
  await server.close();

  server = await start(dir.path, "100d");
  expect(await droppedOnce(server, 12)).toEqual({ "gw-1": 4_320, "gw-2": 1 });
  expect(await alertsOnce(server, 4_321)).toEqual([
    expect.objectContaining({
      id: first.id,
      title: "4,321 points are lost for the upstream",
      description: expect.stringContaining("retention took 4000 points before the upstream had them"),
    }),
  ]);
  // Who has looked after it hears of what comes then.
  await call(server, "Alerts/ResolveAlert", { id: first.id });
  await server.close();

  server = await start(dir.path, "20d");
  expect(await droppedOnce(server, 7)).toEqual({ "gw-1": 4_325, "gw-2": 1 });
  expect(await alertsOnce(server, 5)).toEqual([
    expect.objectContaining({ title: "5 points are lost for the upstream" }),
    expect.objectContaining({ id: first.id, clearedReason: "by_hand" }),
  ]);
  await server.close();
}, 120_000);
