/** The whole server with three tokens: everything, a site to read, a source to write; over gRPC and HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { createToken } from "../src/client/access.ts";
import { encodeBatch } from "../src/client/batch.ts";
import { listMetrics, listSeries, listTagValues } from "../src/client/catalog.ts";
import { Connection } from "../src/client/connection.ts";
import { registerDevice, updateDevice } from "../src/client/devices.ts";
import { queryRange, streamRange } from "../src/client/query.ts";
import { subscribe } from "../src/client/subscribe.ts";
import { uploadAll } from "../src/client/upload.ts";
import { loadConfig } from "../src/config/load.ts";
import { systemClock } from "../src/model/system-clock.ts";
import type { DashboardData } from "../src/wire/gen/dashboard_pb.ts";
import { Aggregation, RangeFunction } from "../src/wire/gen/history_pb.ts";
import { HEADERS, packed, writeRequest } from "./ingestion/doors/write-request.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

const dir = tempDir("scopes");
const TOKENS = { admin: "", berlin: "", gateway: "" };
type Who = keyof typeof TOKENS;
let server: RunningServer;
let as: Record<Who, Connection>;

async function start() {
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const silent = () => {};
  const logger = { info: silent, warn: silent, error: silent, debug: silent };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, clock: systemClock, onFatal });
  if (TOKENS.admin === "") await makeTokens();
  const connectionOf = (who: Who) => new Connection(server.grpcAddress, { token: TOKENS[who] });
  as = { admin: connectionOf("admin"), berlin: connectionOf("berlin"), gateway: connectionOf("gateway") };
}

async function makeTokens() {
  const first = new Connection(server.grpcAddress);
  TOKENS.admin = (await createToken(first, { name: "me", role: "admin" })).secret;
  first.close();
  const admin = new Connection(server.grpcAddress, { token: TOKENS.admin });
  const viewer = { name: "berlin", role: "viewer", scope: { sites: ["berlin"] } };
  const gateway = { name: "gateway", role: "ingest", scope: { sources: ["gw-1"] } };
  TOKENS.berlin = (await createToken(admin, viewer)).secret;
  TOKENS.gateway = (await createToken(admin, gateway)).secret;
  admin.close();
}

async function stop() {
  for (const connection of Object.values(as)) connection.close();
  await server.close();
}

beforeAll(start);
afterAll(async () => {
  await stop();
  dir[Symbol.dispose]();
});

const point = (metric: string, value: number, tags: Record<string, string>) => ({ metric, value, tags });
const send = (who: Who, source: string, ...points: ReturnType<typeof point>[]) =>
  uploadAll(as[who], [encodeBatch(points, source)]);

function post(who: Who, path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const all = { ...headers, authorization: `Bearer ${TOKENS[who]}` };
  const init = { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers: all };
  return fetch(`http://${server.httpAddress}${path}`, init);
}

async function names(who: Who, metric = "*"): Promise<string[]> {
  const { series } = await queryRange(as[who], { metric });
  return series.map((each) => `${each.metric}:${each.source}`).sort();
}

const OUT = 'source is "gw-2", which is out of the scope of "gateway"; wanted sources gw-1';

describe("an ingest token writes its own sources alone, whichever way it comes", () => {
  test("batches", async () => {
    const one = await send("gateway", "gw-1", point("batch", 1, { site: "berlin" }));
    const { pointsFailed, refused } = await send("gateway", "gw-2", point("batch", 1, { site: "berlin" }));
    expect([one.pointsFailed, pointsFailed, refused.map(({ reason }) => reason)]).toEqual([0, 1, [OUT]]);
    expect(await names("admin", "batch")).toEqual(["batch:gw-1"]);
  });

  test("line protocol", async () => {
    const answer = await post("gateway", "/write", "line,host=gw-1 value=1\nline,host=gw-2 value=1\n");
    expect(await answer.json()).toEqual({ error: `partial write: line 2: ${OUT} dropped=1` });
    expect((await post("gateway", "/write?source=gw-1", "line,host=gw-2 value=1")).status).toBe(204);
    expect(await names("admin", "line")).toEqual(["line:gw-1", "line:gw-1"]);
  });

  test("remote write", async () => {
    const series = ["gw-1", "gw-2"].map((instance) => [{ __name__: "remote", instance }, [[Date.now(), 1]]] as const);
    const answer = await post("gateway", "/api/v1/write", packed(writeRequest(series as never)), HEADERS);
    expect([answer.status, await answer.text()]).toEqual([
      400,
      `1 refused, 1 stored: sample 2 of remote{instance="gw-2"}: ${OUT}\n`,
    ]);
    expect(await names("admin", "remote")).toEqual(["remote:gw-1"]);
  });

  test("OpenTelemetry", async () => {
    const resourceMetrics = ["gw-1", "gw-2"].map((name) => ({
      resource: { attributes: [{ key: "host.name", value: { stringValue: name } }] },
      scopeMetrics: [{ metrics: [{ name: "otel", gauge: { dataPoints: [{ asDouble: 1 }] } }] }],
    }));
    const body = JSON.stringify({ resourceMetrics });
    const answer = await post("gateway", "/v1/metrics", body, { "content-type": "application/json" });
    expect(await answer.json()).toEqual({
      partialSuccess: { rejectedDataPoints: "1", errorMessage: `data point 2: ${OUT}` },
    });
    expect(await names("admin", "otel")).toEqual(["otel:gw-1"]);
  });

  test("all of it is counted, and of what was refused there is no series", async () => {
    expect((await listSeries(as.admin, {})).total).toBe(5n);
    const headers = { authorization: `Bearer ${TOKENS.admin}` };
    const text = await (await fetch(`http://${server.httpAddress}/metrics`, { headers })).text();
    expect(text).toContain('watchpost_refused_points_total{reason="out_of_scope"} 4\n');
  });
});

describe("whoever sees one site", () => {
  test("reads what is there of it alone, and what is elsewhere is as what is nowhere", async () => {
    await send(
      "admin",
      "hall",
      point("temp", 10, { site: "berlin", line: "a" }),
      point("temp", 20, { site: "hamburg", line: "b" }),
      point("temp", 40, { site: "hamburg", device: "pump", line: "a" }),
      point("secret", 1, { site: "hamburg" }),
    );
    await registerDevice(as.admin, { device: { deviceId: "pump", site: "berlin" } });
    const { metrics, total } = await listMetrics(as.berlin, {});
    expect(metrics.map(({ name, series }) => [name, Number(series)])).toEqual([
      ["batch", 1],
      ["temp", 2],
    ]);
    expect(total).toBe(2n);
    const wanted = { metric: "temp", function: RangeFunction.LAST, stepMs: 3_600_000n, aggregation: Aggregation.SUM };
    const { series } = await queryRange(as.berlin, wanted);
    expect(series.map(({ values }) => values.at(-1))).toEqual([50]);
    const { values } = await listTagValues(as.berlin, { metric: "temp", key: "line" });
    expect(values.map(({ value }) => value)).toEqual(["a"]);
    expect((await listSeries(as.berlin, {})).total).toBe(3n);
    for (const ask of [listSeries, listTagValues]) {
      expect(await ask(as.berlin, { metric: "secret" })).toEqual(await ask(as.berlin, { metric: "nothing" }));
    }
    const [secret, nothing] = ["secret", "nothing"].map((metric) => queryRange(as.berlin, { metric }));
    expect(await secret).toEqual(await nothing);
    expect((await queryRange(as.admin, { metric: "secret" })).series.length).toBe(1);
    const streamed: string[] = [];
    for await (const part of streamRange(as.berlin, { metric: "*" })) {
      streamed.push(...part.series.map(({ metric }) => metric));
    }
    expect(streamed).toEqual(["batch", "temp", "temp"]);
  });

  test("over HTTP as well", async () => {
    const answer = await post("berlin", "/analytics.Dashboard/QueryRange", '{"metric":"*"}', {
      "content-type": "application/json",
    });
    const { series } = (await answer.json()) as { readonly series: { readonly metric: string }[] };
    expect(series.map(({ metric }) => metric)).toEqual(["batch", "temp", "temp"]);
    const left = new AbortController();
    const headers = { authorization: `Bearer ${TOKENS.berlin}` };
    const live = await fetch(`http://${server.httpAddress}/live?metric=*`, { headers, signal: left.signal });
    let text = "";
    for await (const bytes of live.body!) {
      text += Buffer.from(bytes as Uint8Array).toString();
      if (/^data: .*\n\n/m.test(text)) break;
    }
    left.abort();
    const { metrics } = JSON.parse(/^data: (.*)$/m.exec(text)![1]) as {
      readonly metrics: { readonly metric: string }[];
    };
    expect(metrics.map(({ metric }) => metric)).toEqual(["batch", "temp", "temp"]);
  });

  test("is told live of devices for as long as they are there, and what was kept is so after a restart", async () => {
    const left = new AbortController();
    const updates: AsyncIterator<DashboardData> = subscribe(as.berlin, { metricNames: ["temp"] }, left)[
      Symbol.asyncIterator
    ]();
    /** Values, until there is one that is wanted. */
    const until = async (wanted: number) => {
      const values: number[] = [];
      while (!values.includes(wanted)) {
        const { value } = (await updates.next()) as IteratorYieldResult<DashboardData>;
        values.push(...value.metrics.map((each) => each.value));
      }
      return values;
    };
    const pump = (value: number) =>
      send("admin", "hall", point("temp", value, { site: "hamburg", device: "pump", line: "a" }));
    const berlin = (value: number) => send("admin", "hall", point("temp", value, { site: "berlin", line: "a" }));
    expect(await until(40)).toEqual([10, 40]);
    await updateDevice(as.admin, { device: { deviceId: "pump", site: "hamburg" }, fields: ["site"] });
    // Nothing says when it has left: readings of it are sent until none comes.
    let [value, came] = [100, true];
    while (came) {
      await pump(++value);
      const marker = -value;
      await berlin(marker);
      came = (await until(marker)).includes(value);
    }
    await pump(77);
    await berlin(11);
    expect(await until(11)).not.toContain(77);
    await updateDevice(as.admin, { device: { deviceId: "pump", site: "berlin" }, fields: ["site"] });
    expect(await until(77)).toEqual([77]);
    left.abort();
    await stop();
    await start();
    expect(await names("berlin")).toEqual(["batch:gw-1", "temp:hall", "temp:hall"]);
    expect((await send("gateway", "gw-2", point("batch", 1, {}))).pointsFailed).toBe(1);
  });
});
