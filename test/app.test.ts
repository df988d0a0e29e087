/** The whole server in this process, with a clock of the test's own. */
import { expect, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { loadConfig } from "../src/config/load.ts";
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
