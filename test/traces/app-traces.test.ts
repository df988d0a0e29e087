/** A whole server that tells a collector of calls, queries and commits. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startServer, type RunningServer } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";

interface Told {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, string> }[];
}

const dir = tempDir("traces");
const spans: Told[] = [];
const paths = new Set<string>();
const authorized = new Set<string | null>();
const collector = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    paths.add(new URL(request.url).pathname);
    authorized.add(request.headers.get("authorization"));
    const { resourceSpans } = (await request.json()) as {
      resourceSpans: { scopeSpans: { spans: Told[] }[] }[];
    };
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    return Response.json({});
  },
});
let server: RunningServer;

beforeAll(async () => {
  const env = {
    WATCHPOST_TRACES_ENDPOINT: `${collector.url.origin}/v1/traces`,
    WATCHPOST_TRACES_HEADERS: "authorization=Bearer%20s3cret",
    WATCHPOST_TRACES_SAMPLE: "1",
  };
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const silent = () => {};
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, {
    spawn,
    logger: { info: silent, warn: silent, error: silent, debug: silent },
    onFatal,
  });
});

afterAll(async () => {
  await server.close();
  await collector.stop(true);
  dir[Symbol.dispose]();
});

function post(method: string, request: object, traceparent: string): Promise<Response> {
  return fetch(`http://${server.httpAddress}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent },
    body: JSON.stringify(request),
  });
}

test("calls go on with the trace of their caller, a query has a part of its own, and commits have traces of theirs", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await post("DataIngestion/UploadBatch", { source: "s", points: [{ metricName: "m", value: 1 }] }, traceparent);
  expect((await post("Dashboard/QueryRange", { metric: "m" }, traceparent)).status).toBe(200);
  expect((await post("Dashboard/QueryRange", { metric: "m", stepMs: -1 }, traceparent)).status).toBe(400);
  await post("Dashboard/QueryRange", { metric: "m" }, traceparent.replace(/01$/, "00"));
  while (spans.filter(({ name }) => name === "log.commit").length < 1 || spans.length < 5) await Bun.sleep(20);
  expect([paths, authorized]).toEqual([new Set(["/v1/traces"]), new Set(["Bearer s3cret"])]);
  const ofCaller = spans.filter((span) => span.traceId === traceId);
  expect(ofCaller.map(({ name }) => name).sort()).toEqual([
    "analytics.Dashboard/QueryRange",
    "analytics.Dashboard/QueryRange",
    "analytics.DataIngestion/UploadBatch",
    "store.range",
  ]);
  const range = ofCaller.find(({ name }) => name === "store.range")!;
  const query = ofCaller.find(({ spanId }) => spanId === range.parentSpanId)!;
  expect([query.name, query.parentSpanId]).toEqual(["analytics.Dashboard/QueryRange", "b7ad6b7169203331"]);
  expect(range.attributes).toContainEqual({ key: "watchpost.points_read", value: { intValue: "1" } });
  const said = Object.fromEntries(query.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  expect(said).toMatchObject({ "rpc.method": "QueryRange", "client.address": "127.0.0.1", "enduser.id": "anonymous" });
  expect(spans.find(({ name }) => name === "log.commit")!.traceId).not.toBe(traceId);
});
