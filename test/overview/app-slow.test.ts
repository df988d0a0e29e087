/** Of a whole server: who is slow is named, and how much it writes to its log is changed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { startServer, type RunningServer } from "../../src/app.ts";
import { ask } from "../../src/client/ask.ts";
import { Connection } from "../../src/client/connection.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Server } from "../../src/wire/gen/server_pb.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";

const dir = tempDir("slow");
const log = { level: "info" };
const lines: { readonly message: string; readonly principal?: unknown }[] = [];
let server: RunningServer;
let connection: Connection;

beforeAll(async () => {
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const env = { WATCHPOST_SLOW_CALL: "1ms", WATCHPOST_SLOW_READER: "200ms", WATCHPOST_LIVE_INTERVAL_MIN: "10ms" };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const say = (fields: object, message: string) => void lines.push({ ...fields, message });
  const logger = { info: say, warn: say, error: say, debug: say };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, log, onFatal });
  connection = new Connection(server.grpcAddress);
});

afterAll(async () => {
  connection.close();
  await server.close();
  dir[Symbol.dispose]();
});

function post(method: string, request: object): Promise<Response> {
  return fetch(`http://${server.httpAddress}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
}

const listSlow = () => ask(connection, Server.method.listSlow, {}, {});

test("a query that takes long is named with who asked for what, and what was read for it", async () => {
  const points = Array.from({ length: 3_000 }, (_, i) => {
    return { metricName: "q", value: i, timestamp: new Date(Date.now() - i * 1_000).toISOString() };
  });
  expect((await post("DataIngestion/UploadBatch", { source: "s", points })).status).toBe(200);
  const queries = async () => (await listSlow()).calls.filter(({ method }) => method.endsWith("/QueryRange"));
  while ((await queries()).length === 0) await (await post("Dashboard/QueryRange", { metric: "q" })).text();
  const [query] = await queries();
  expect(query).toMatchObject({
    ...{ principal: "anonymous", address: "127.0.0.1", request: '{metric: "q"}', status: "OK" },
    ...{ series: 1n, pointsRead: 3_000n },
  });
  expect(lines.filter(({ message }) => message === "a call took long").length).toBeGreaterThan(0);
  expect((await post("Server/ListSlow", { limit: 51 })).status).toBe(400);
});

test("what comes by routes of other protocols is timed, too", async () => {
  const url = `http://${server.httpAddress}/write`;
  expect((await fetch(url, { method: "POST", body: "room,host=a t=1" })).status).toBe(204);
  expect((await fetch(url, { method: "POST", body: "room,host=a t=" })).status).toBe(400);
  const text = await (await fetch(`http://${server.httpAddress}/metrics`)).text();
  expect(text).toContain('watchpost_call_duration_seconds_count{method="influx.write"} 2\n');
  expect(text).toContain('watchpost_open_calls{method="influx.write"} 0\n');
});

test("a reader that takes nothing more is named, in the list, the log and the status", async () => {
  const points = Array.from({ length: 2_000 }, (_, i) => ({ metricName: "live", value: i, tags: { device: `d${i}` } }));
  const [host, port] = server.httpAddress.split(":");
  const reader = connect(Number(port), host);
  reader.on("error", () => {});
  reader.write("GET /live?metric=live&interval=10ms HTTP/1.1\r\nHost: localhost\r\n\r\n");
  reader.pause();
  const isSaid = () => lines.some(({ message }) => message === "a reader does not take what there is for it");
  const isCounted = async () => {
    const text = await (await fetch(`http://${server.httpAddress}/metrics`)).text();
    return text.includes("\nwatchpost_slow_readers 1\n");
  };
  // One that is late for a moment, as on a busy machine, goes on: what there is for it must not end.
  while (!isSaid() || !(await isCounted())) await post("DataIngestion/UploadBatch", { source: "s", points });
  const told = await listSlow();
  expect(told.readers).toMatchObject([
    {
      ...{ principal: "anonymous", address: "127.0.0.1", method: "analytics.Dashboard/SubscribeMetrics" },
      request: '{metric_names: ["live"], update_interval_ms: 10}',
    },
  ]);
  expect(told.readersTotal).toBe(1n);
  reader.destroy();
  while ((await listSlow()).readers.length > 0) await Bun.sleep(10);
});

test("the level of the log is changed, told, and as configured again when the server ends", async () => {
  const level = await ask(connection, Server.method.setLogLevel, { level: "debug", forMs: 60_000n }, {});
  expect([level.level, level.configured, log.level]).toEqual(["debug", "info", "debug"]);
  await listSlow();
  expect(lines.some(({ message }) => message === "a call has ended")).toBe(true);
  const again = await ask(connection, Server.method.setLogLevel, {}, {});
  expect([again.level, again.until, log.level]).toEqual(["info", undefined, "info"]);
});
