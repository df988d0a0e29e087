/** HTTP over toy methods: Connect, gRPC-Web and Server-Sent Events, bad requests, slow senders and readers, shutdown. */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { invalidField, WatchpostError } from "../../src/model/errors.ts";
import { HTTP_MESSAGE_BYTES_MAX } from "../../src/model/limits.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard, DashboardDataSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { BatchDataSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { ListMetricsResponseSchema } from "../../src/wire/gen/history_pb.ts";
import {
  rawClientStreaming,
  rawServerStreaming,
  rawUnary,
  unary,
  writingUnary,
  type CallContext,
} from "../../src/wire/service.ts";
import { packed } from "../../src/wire/status.ts";
import { OPEN } from "../support/open-gate.ts";

const MEBIBYTE = 1024 * 1024;
/** Travels with an error. */
const FULL = packed(DashboardDataSchema, create(DashboardDataSchema, { dashboardId: "full" }));
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function start(received = new ReceivedBytes(64 * MEBIBYTE)) {
  const toy = {
    pulled: 0,
    ended: 0,
    released: 0,
    calls: [] as string[],
    peers: [] as string[],
    defects: [] as unknown[],
    health: new HealthState(),
    cut: undefined as CallContext["cut"],
  };
  const padding = "x".repeat(64 * 1024);
  async function* updates({ metricNames }: { metricNames: string[] }, { signal, cut }: CallContext) {
    toy.cut = cut;
    if (metricNames.length === 0) throw invalidField("metric_names", "", "at least one name");
    if (metricNames[0] === "full") throw new WatchpostError("RESOURCE_EXHAUSTED", "full", { retryAfterMs: 1_500 });
    try {
      while (!signal.aborted) {
        toy.pulled++;
        yield toBinary(
          DashboardDataSchema,
          create(DashboardDataSchema, { dashboardId: padding, metrics: [{ name: "m:s", value: toy.pulled }] }),
        );
        await Bun.sleep(0);
      }
    } finally {
      toy.ended++;
    }
  }
  const server = await startWebServer({
    ...OPEN,
    address: "127.0.0.1:0",
    methods: [
      rawServerStreaming(Dashboard.method.subscribeMetrics, updates),
      unary(Dashboard.method.queryRange, async ({ metric }) => {
        if (metric === "defect") throw new TypeError("secret text");
        if (metric === "full")
          throw new WatchpostError("RESOURCE_EXHAUSTED", "full", { retryAfterMs: 1_500, messages: [FULL] });
        return { pointsTotal: 7n };
      }),
      writingUnary(Dashboard.method.listMetrics, async ({ limit, prefix }, { peer }) => {
        toy.peers.push(peer);
        if (prefix === "full") throw new WatchpostError("RESOURCE_EXHAUSTED", "full");
        const metrics = Array.from({ length: limit }, (_, i) => ({ name: `metric ${i} ü` }));
        const message = create(ListMetricsResponseSchema, { metrics, more: true });
        return {
          toBinary: () => toBinary(ListMetricsResponseSchema, message),
          // Cut within a name, so that only what is joined in order is JSON.
          toJson: () => toJsonString(ListMetricsResponseSchema, message).split(/(?<=ric )/),
          release: () => void toy.released++,
        };
      }),
      rawClientStreaming(DataIngestion.method.uploadData, async (batches, { cut }) => {
        toy.cut = cut;
        for await (const _ of batches) toy.pulled++;
        toy.ended++;
        return {};
      }),
      rawUnary(DataIngestion.method.uploadBatch, async (bytes) => ({ pointsProcessed: BigInt(bytes.length) })),
    ],
    health: toy.health,
    received,
    origins: ["localhost", "https://ops.example.org"],
    metricsText: async () => "some_total 1\n",
    onCall: (method, status) => toy.calls.push(`${method} ${status}`),
    onDefect: (error) => toy.defects.push(error),
  });
  opened.push({ close: () => server.drain(0) });
  return { server, toy, url: `http://${server.address}` };
}

function post(url: string, method: string, body: string | Uint8Array, type = "application/json"): Promise<Response> {
  return fetch(`${url}/analytics.${method}`, {
    method: "POST",
    body: body as never,
    headers: { "content-type": type },
  });
}

function socketTo(address: string, text: string): Socket {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  socket.write(text);
  opened.push({ close: () => socket.destroy() });
  return socket;
}

/** Waits until it holds, however long that takes here; the test's own limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

for (const [name, transportOf] of [
  ["Connect with JSON", (baseUrl: string) => createConnectTransport({ baseUrl })],
  ["Connect with binary", (baseUrl: string) => createConnectTransport({ baseUrl, useBinaryFormat: true })],
  ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl })],
] as const) {
  test(`${name}: unary calls, errors with their details, streams and their cancellation`, async () => {
    const { url, toy } = await start();
    const client = createClient(Dashboard, transportOf(url));
    expect((await client.queryRange({ metric: "x" })).pointsTotal).toBe(7n);
    const full = ConnectError.from(await client.queryRange({ metric: "full" }).catch((error) => error));
    expect([full.code, full.rawMessage]).toEqual([Code.ResourceExhausted, "full"]);
    expect(full.details).toMatchObject([{ type: "google.rpc.RetryInfo" }, { type: "analytics.DashboardData" }]);
    expect(full.findDetails(DashboardDataSchema)).toMatchObject([{ dashboardId: "full" }]);
    const defect = ConnectError.from(await client.queryRange({ metric: "defect" }).catch((error) => error));
    expect([defect.code, defect.message]).toEqual([Code.Internal, expect.not.stringContaining("secret")]);
    expect(toy.defects.length).toBe(1);

    const leave = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { metrics } of client.subscribeMetrics({ metricNames: ["m"] }, { signal: leave.signal })) {
        if (seen.push(metrics[0].value) === 3) leave.abort();
      }
    })();
    expect(ConnectError.from(await reading.catch((error) => error)).code).toBe(Code.Canceled);
    expect(seen.slice(0, 3)).toEqual([1, 2, 3]);
    await until(() => toy.ended === 1);
    const refused = (async () => {
      for await (const _ of client.subscribeMetrics({})) throw new Error("nothing was to come");
    })();
    expect(ConnectError.from(await refused.catch((error) => error)).code).toBe(Code.InvalidArgument);
    expect(toy.calls).toContain("analytics.Dashboard/QueryRange RESOURCE_EXHAUSTED");
  });
}

for (const [name, transportOf] of [
  ["JSON", (baseUrl: string) => createConnectTransport({ baseUrl })],
  ["binary Connect", (baseUrl: string) => createConnectTransport({ baseUrl, useBinaryFormat: true })],
  ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl })],
] as const) {
  test(`an answer that is encoded already, as ${name}: small, large, empty, refused`, async () => {
    const { url, toy } = await start();
    const client = createClient(Dashboard, transportOf(url));
    for (const limit of [0, 1, 50_000]) {
      const { metrics, more } = await client.listMetrics({ limit });
      expect([metrics.length, metrics.at(-1)?.name, more]).toEqual([
        limit,
        limit === 0 ? undefined : `metric ${limit - 1} ü`,
        true,
      ]);
    }
    const full = ConnectError.from(await client.listMetrics({ prefix: "full" }).catch((error) => error));
    expect([full.code, full.rawMessage]).toEqual([Code.ResourceExhausted, "full"]);
    const call = "analytics.Dashboard/ListMetrics";
    expect(toy.calls).toEqual([`${call} OK`, `${call} OK`, `${call} OK`, `${call} RESOURCE_EXHAUSTED`]);
    await until(() => toy.released === 3);
    expect(new Set(toy.peers)).toEqual(new Set(["127.0.0.1"]));
  });
}

test("a reader that leaves a large JSON answer in the middle harms nobody", async () => {
  const { url, toy } = await start();
  const leave = new AbortController();
  const response = await fetch(`${url}/analytics.Dashboard/ListMetrics`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"limit":200000}',
    signal: leave.signal,
  });
  await response.body!.getReader().read();
  expect(toy.released).toBe(0);
  leave.abort();
  await until(() => toy.released === 1);
  expect(await createClient(Dashboard, createConnectTransport({ baseUrl: url })).queryRange({})).toMatchObject({
    pointsTotal: 7n,
  });
  expect(toy.defects).toEqual([]);
});

describe("bad requests", () => {
  test("a host that is missing or can be none is said, and is no defect", async () => {
    const { server, toy } = await start();
    for (const [head, given] of [
      ["HTTP/1.0", "missing"],
      ["HTTP/1.1\r\nHost: a b", '"a b"'],
    ]) {
      const socket = socketTo(server.address, `GET /healthz ${head}\r\n\r\n`);
      const answer = await new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
      expect(answer).toStartWith("HTTP/1.1 400 ");
      expect(answer).toEndWith(`the Host header is ${given}; wanted a host such as 127.0.0.1:8080\n`);
    }
    expect(toy.defects).toEqual([]);
  });

  test("get a status and a sentence, and harm nobody", async () => {
    const { url } = await start();
    const query = (body: string | Uint8Array, type?: string) => post(url, "Dashboard/QueryRange", body, type);
    for (const body of ["", "{", "[]", '{"metric":3}', '{"nonsense":1}', '"\u{d800}"']) {
      const answer = await query(body);
      expect([body, answer.status, await answer.json()]).toEqual([
        body,
        400,
        { code: "invalid_argument", message: expect.any(String) },
      ]);
    }
    const broken = await query(Uint8Array.of(0xff, 0xff, 0xff), "application/proto");
    expect(await broken.json()).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("the request is no valid analytics.QueryRangeRequest"),
    });
    const html = await query("{}", "text/html");
    expect([html.status, await html.json()]).toEqual([
      415,
      { code: "unimplemented", message: expect.stringContaining("wanted application/json or application/proto") },
    ]);
    const stream = await post(url, "Dashboard/SubscribeMetrics", '{"metricNames":["m"]}');
    expect([stream.status, await stream.json()]).toEqual([
      415,
      {
        code: "unimplemented",
        message: expect.stringContaining("GET /live, QueryRange and UploadBatch take plain requests"),
      },
    ]);
    expect((await fetch(`${url}/analytics.Dashboard/QueryRange`, { method: "DELETE" })).status).toBe(405);
    expect((await post(url, "Dashboard/Nothing", "{}")).status).toBe(404);
    expect((await fetch(`${url}/live?metric=m&mode=often`)).status).toBe(400);
    const full = await fetch(`${url}/live?metric=full`);
    expect([full.status, full.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await (await fetch(`${url}/live?metric=m&intervall=1s`)).text()).toContain("intervall");
    expect(await (await query('{"metrik":"m"}')).text()).toContain("metrik");
    expect((await query("{}")).status).toBe(200);
  });

  test("a message may have 16 MiB and no more", async () => {
    const { url } = await start();
    const batch = (bytes: number) =>
      toBinary(BatchDataSchema, create(BatchDataSchema, { batchId: "x".repeat(bytes - 5), source: "" }));
    const largest = batch(HTTP_MESSAGE_BYTES_MAX);
    expect(largest.length).toBe(HTTP_MESSAGE_BYTES_MAX);
    const taken = await post(url, "DataIngestion/UploadBatch", largest, "application/proto");
    expect([taken.status, (await taken.bytes()).length]).toEqual([200, 5]);
    const over = await post(url, "DataIngestion/UploadBatch", batch(HTTP_MESSAGE_BYTES_MAX + 1), "application/proto");
    expect(over.status).toBe(429);
    const far = await post(url, "DataIngestion/UploadBatch", new Uint8Array(20 * MEBIBYTE), "application/proto").then(
      ({ status }) => status,
      () => "cut off",
    );
    expect([413, "cut off"]).toContain(far);
  });
});

test("health, readiness with its reason, metrics, a page that says what is here", async () => {
  const { url, toy } = await start();
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  toy.health.serve();
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  toy.health.fail("the log worker is gone");
  expect(await (await fetch(`${url}/readyz`)).text()).toBe("not ready: the log worker is gone\n");
  const healthz = await fetch(`${url}/healthz`);
  expect(await healthz.text()).toBe("ok\n");
  expect(Math.abs(Date.parse(healthz.headers.get("date")!) - Date.now())).toBeLessThan(60_000);
  expect(await (await fetch(`${url}/metrics`)).text()).toBe("some_total 1\n");
  expect(await (await fetch(url)).text()).toContain("POST /analytics.Dashboard/QueryRange");
  expect(await (await fetch(`${url}/nowhere`)).text()).toContain("nothing at /nowhere");
});

test("pages of this machine and of the origins named may read /live, others may not, and none may call", async () => {
  const { url } = await start();
  const allowed = async (origin: string) => {
    const response = await fetch(`${url}/live?metric=m`, { headers: { origin } });
    await response.body!.cancel();
    expect(response.status).toBe(response.headers.get("vary") === "origin" ? 200 : 403);
    return response.headers.get("access-control-allow-origin");
  };
  for (const origin of ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:9", "https://ops.example.org"])
    expect(await allowed(origin)).toBe(origin);
  for (const origin of ["https://example.org", "http://localhost.example.org", "http://ops.example.org", "null"])
    expect(await allowed(origin)).toBeNull();
  const headers = { origin: "http://localhost:3000", "access-control-request-method": "POST" };
  const preflight = await fetch(`${url}/analytics.DataIngestion/UploadBatch`, { method: "OPTIONS", headers });
  expect(preflight.status).toBe(403);
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  expect((await post(url, "DataIngestion/UploadBatch", "{}", "text/plain")).status).toBe(415);
});

describe("slow peers", () => {
  test("bodies that stop arriving are bounded over all requests; the oldest is refused, others are served", async () => {
    const received = new ReceivedBytes(4 * MEBIBYTE);
    const { server, url } = await start(received);
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) {
      const head = `POST /analytics.DataIngestion/UploadBatch HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n`;
      const socket = socketTo(
        server.address,
        `${head}Content-Length: ${8 * MEBIBYTE}\r\n\r\n${"x".repeat(3 * MEBIBYTE)}`,
      );
      socket.on("data", (data) => (answers[i] = (answers[i] ?? "") + String(data)));
      await until(() => received.bytes === 3 * MEBIBYTE && received.refused === i);
    }
    await until(() => answers[0]?.includes("try again") && answers[1]?.includes("try again"));
    expect(answers[0]).toStartWith("HTTP/1.1 429");
    expect(await (await post(url, "Dashboard/QueryRange", '{"metric":"x"}')).json()).toEqual({ pointsTotal: "7" });
    await server.drain(0);
    await until(() => received.bytes === 0);
  });

  test("a reader of events that does not read is not written for without end", async () => {
    const { server, toy } = await start();
    const socket = socketTo(server.address, "GET /live?metric=m HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.pause();
    let before = -1;
    // It stands still once every buffer on the way is full.
    for (let still = 0; still < 20; still = toy.pulled === before ? still + 1 : 0) {
      before = toy.pulled;
      await Bun.sleep(10);
    }
    expect(toy.pulled).toBeLessThan(400);
    socket.destroy();
    await until(() => toy.ended === 1);
  });
});

describe("a stream that its function cuts", () => {
  const behind = new WatchpostError("UNAVAILABLE", "too far behind; come again");

  test("ends with the error where its client reads", async () => {
    const { url, toy } = await start();
    const client = createClient(Dashboard, createConnectTransport({ baseUrl: url }));
    const reading = (async () => {
      for await (const { metrics } of client.subscribeMetrics({ metricNames: ["m"] })) {
        if (metrics[0].value === 3) toy.cut!(behind);
      }
    })();
    const error = ConnectError.from(await reading.catch((thrown) => thrown));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, behind.message]);
    await until(() => toy.ended === 1);
    expect(toy.calls).toEqual(["analytics.Dashboard/SubscribeMetrics UNAVAILABLE"]);
    expect((await client.queryRange({})).pointsTotal).toBe(7n);
  });

  const body = '{"metricNames":["m"]}';
  const head = `POST /analytics.Dashboard/SubscribeMetrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+json\r\n`;
  const prefix = `\0\0\0\0${String.fromCharCode(body.length)}`;

  test.each([
    ["over Connect", `${head}Content-Length: ${body.length + 5}\r\n\r\n${prefix}${body}`],
    ["of events", "GET /live?metric=m HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("%s is closed with its connection where its client reads nothing", async (_, request) => {
    const { server, toy } = await start();
    const socket = socketTo(server.address, request);
    socket.pause();
    let before = 0;
    for (let still = 0; still < 20 || before === 0; still = toy.pulled === before ? still + 1 : 0) {
      before = toy.pulled;
      await Bun.sleep(10);
    }
    expect(toy.ended).toBe(0);
    toy.cut!(behind);
    // The socket is open on this side, and nothing of it is read.
    await until(() => toy.ended === 1);
    expect(socket.destroyed).toBe(false);
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.resume();
    await closed;
  });
});

test("a stream of a client is cut while it sends, and nothing more of it is taken", async () => {
  const { server, toy } = await start();
  const batch = toBinary(BatchDataSchema, create(BatchDataSchema, { batchId: "b", source: "s" }));
  const message = Buffer.concat([Buffer.from([0, 0, 0, 0, batch.length]), batch]);
  const chunk = Buffer.concat([Buffer.from(`${message.length.toString(16)}\r\n`), message, Buffer.from("\r\n")]);
  const head = `POST /analytics.DataIngestion/UploadData HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+proto\r\n`;
  const socket = socketTo(server.address, `${head}Transfer-Encoding: chunked\r\n\r\n`);
  let answer = "";
  socket.on("data", (data) => (answer += String(data)));
  socket.write(chunk);
  await until(() => toy.pulled === 1);
  toy.cut!(new WatchpostError("UNAUTHENTICATED", "the token was revoked"));
  await until(() => answer.includes("the token was revoked"));
  for (let i = 0; i < 5; i++) {
    socket.write(chunk);
    await Bun.sleep(10);
  }
  expect(toy.pulled).toBe(1);
  expect(toy.calls).toEqual(["analytics.DataIngestion/UploadData UNAUTHENTICATED"]);
});

test("draining ends event streams with a reason, within its bound", async () => {
  const { server, url, toy } = await start();
  const live = await fetch(`${url}/live?metric=m`);
  const text = live.text();
  await until(() => toy.pulled > 3);
  await server.drain(5_000);
  expect(await text).toEndWith('event: end\ndata: {"reason":"the server is shutting down; connect again"}\n\n');
  expect(toy.ended).toBe(1);
});
