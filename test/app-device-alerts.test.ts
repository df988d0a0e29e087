/** The whole server: a device that dies fires an alert, which is there after a restart and gone when the device is back. */
import { expect, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { loadConfig } from "../src/config/load.ts";
import { systemClock } from "../src/model/system-clock.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

interface Listed {
  readonly alerts?: readonly { readonly title: string; readonly clearedAt?: string }[];
}

async function start(data: string): Promise<RunningServer> {
  const { config } = loadConfig({
    env: {},
    flags: { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" },
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

/** Asks until so many alerts are active. */
async function titles(server: RunningServer, count: number): Promise<string[]> {
  for (let i = 0; ; i++) {
    const { alerts = [] } = await call<Listed>(server, "Alerts/ListAlerts", {});
    const active = alerts.filter(({ clearedAt }) => clearedAt === undefined);
    if (active.length === count || i === 200) return active.map(({ title }) => title);
    await Bun.sleep(25);
  }
}

test("a device that dies, a restart, and a birth", async () => {
  using dir = tempDir("device-alerts");
  let server = await start(dir.path);
  await call(server, "Alerts/PutRule", { rule: { name: "gone", condition: { device: {} } } });
  await call(server, "Devices/RegisterDevice", { device: { deviceId: "pump-1", site: "north", parent: "gw" } });
  await call(server, "DataIngestion/UploadBatch", { source: "pump-1", points: [{ metricName: "m", value: 1 }] });
  await call(server, "Devices/ReportDevice", { deviceId: "gw", kind: "birth" });
  await call(server, "Devices/ReportDevice", { deviceId: "gw", kind: "death", reason: "power cut" });
  const title = expect.stringMatching(/^gw is offline: .*power cut/);
  expect(await titles(server, 1)).toEqual([title]);
  const { device } = await call<{ device: { status: string } }>(server, "Devices/GetDevice", { deviceId: "pump-1" });
  expect(device.status).toBe("stale");
  await server.close();
  server = await start(dir.path);
  expect(await titles(server, 1)).toEqual([title]);
  await call(server, "Devices/ReportDevice", { deviceId: "gw", kind: "birth" });
  expect(await titles(server, 0)).toEqual([]);
  await server.close();
}, 120_000);
