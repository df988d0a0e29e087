/** Whoever may not call hears that before anything of what they ask is received and read, over whatever they call. */
import { afterEach, expect, test } from "bun:test";
import { connect, type ClientHttp2Stream } from "node:http2";
import { WatchpostError } from "../../src/model/errors.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startGrpcServer } from "../../src/transport/grpc-server.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import type { Admission, Gate } from "../../src/wire/gate.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { ANONYMOUS, rawBidiStreaming, rawServerStreaming, unary } from "../../src/wire/service.ts";
import { OPEN } from "../support/open-gate.ts";

const UNARY = "/analytics.Alerts/GetRule";
const STREAM = "/analytics.Dashboard/SubscribeMetrics";
const GARBAGE = new Uint8Array([0, 0, 0, 0, 2, 0xff, 0xff]);

const opened: { drain(graceMs: number): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.drain(0);
});

const METHODS = [
  unary(Alerts.method.getRule, async () => {
    throw new WatchpostError("NOT_FOUND", "there is none");
  }),
  rawServerStreaming(Dashboard.method.subscribeMetrics, async function* () {
    yield new Uint8Array();
  }),
  rawBidiStreaming(DataIngestion.method.streamData, async function* (batches) {
    for await (const _batch of batches) yield {};
  }),
];

async function start(gate: Gate) {
  const received = new ReceivedBytes(64 * 1024 * 1024);
  const calls: string[] = [];
  const server = await startWebServer({
    ...OPEN,
    ...{ address: "127.0.0.1:0", health: new HealthState(), received, origins: [], gate: { ...OPEN.gate, ...gate } },
    methods: METHODS,
    metricsText: async () => "",
    onCall: (method, status) => calls.push(`${method} ${status}`),
  });
  opened.push(server);
  const post = async (path: string, type: string, body: string | Uint8Array<ArrayBuffer> | ReadableStream) => {
    const headers = { "content-type": type, "connect-protocol-version": "1" };
    const answer = await fetch(`http://${server.address}${path}`, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text(), grpcStatus: answer.headers.get("grpc-status") };
  };
  return { post, received, calls };
}

const unknown: Gate = {
  ...OPEN.gate,
  admit() {
    throw new WatchpostError("UNAUTHENTICATED", "no token came");
  },
};

function withdrawing() {
  const cuts = new Set<(why: WatchpostError) => void>();
  const admission: Admission = {
    principal: ANONYMOUS,
    hold(cut) {
      cuts.add(cut);
      return () => void cuts.delete(cut);
    },
  };
  return { cuts, gate: { ...OPEN.gate, admit: () => admission } };
}

/** Over native gRPC; a call sends `body`, and does not end. */
async function startGrpc(gate: Gate) {
  const calls: string[] = [];
  const server = await startGrpcServer({
    ...{ address: "127.0.0.1:0", health: new HealthState(), received: new ReceivedBytes(64 * 1024 * 1024), gate },
    methods: METHODS,
    onCall: (method, status) => calls.push(`${method} ${status}`),
  });
  const client = connect(`http://${server.address}`);
  client.on("error", () => {});
  opened.push({ drain: async () => client.destroy() }, server);
  const call = (path: string, body: Uint8Array, isWhole = false) => {
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = client.request(headers);
    stream.write(body);
    if (isWhole) stream.end();
    return statusOf(stream);
  };
  return { call, calls };
}

function statusOf(stream: ClientHttp2Stream): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const told = (headers: Record<string, unknown>) => {
    if (headers["grpc-status"] !== undefined) {
      resolve(`${String(headers["grpc-status"])} ${decodeURIComponent(String(headers["grpc-message"]))}`);
    }
  };
  stream
    .on("response", told)
    .on("trailers", told)
    .on("error", () => {})
    .resume();
  return promise;
}

test("what is no request of anybody known is not told to be wrong, over any protocol", async () => {
  const { post, calls } = await start(unknown);
  for (const type of ["application/json", "application/proto"]) {
    const { status, text } = await post(UNARY, type, GARBAGE);
    expect([status, text]).toEqual([401, expect.stringContaining("no token came")]);
  }
  for (const type of ["application/connect+json", "application/connect+proto"]) {
    const { text } = await post(STREAM, type, GARBAGE);
    expect(text).toContain('"code":"unauthenticated"');
  }
  for (const path of [UNARY, STREAM]) {
    const { text, grpcStatus } = await post(path, "application/grpc-web+proto", GARBAGE);
    expect(grpcStatus === "16" || text.includes("grpc-status: 16")).toBe(true);
  }
  const [ofUnary, ofStream] = [UNARY, STREAM].map((path) => `${path.slice(1)} UNAUTHENTICATED`);
  expect(calls.sort()).toEqual([...Array<string>(3).fill(ofUnary), ...Array<string>(3).fill(ofStream)].sort());
});

test("those who may call hear what is wrong with what they ask", async () => {
  const { post } = await start(OPEN.gate);
  expect((await post(UNARY, "application/proto", GARBAGE)).text).toContain('"code":"invalid_argument"');
  expect((await post(STREAM, "application/connect+proto", GARBAGE)).text).toContain('"code":"invalid_argument"');
});

test("the gate is asked once for a call", async () => {
  let asked = 0;
  const gate: Gate = { ...OPEN.gate, admit: (...given) => (asked++, OPEN.gate.admit(...given)) };
  const { post } = await start(gate);
  await post(UNARY, "application/json", "{}");
  await post(STREAM, "application/connect+json", new Uint8Array([0, 0, 0, 0, 2, 0x7b, 0x7d]));
  expect(asked).toBe(2);
});

test("a body that goes on arriving is refused once that is withdrawn what it was taken for", async () => {
  const { cuts, gate } = withdrawing();
  const { post } = await start(gate);
  let left = () => {};
  const endless = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array([0x0a])),
    pull: () => new Promise<void>((resolve) => (left = resolve)),
  });
  const answer = post(UNARY, "application/proto", endless);
  while (cuts.size === 0) await Bun.sleep(1);
  for (const cut of cuts) cut(new WatchpostError("UNAUTHENTICATED", "the token was revoked"));
  expect(await answer).toMatchObject({ status: 401, text: expect.stringContaining("the token was revoked") });
  left();
  expect(cuts.size).toBe(0);
});

test("over gRPC whoever may not call is told so before their message has come, also where they stream", async () => {
  const { call, calls } = await startGrpc(unknown);
  const begun = new Uint8Array([0, 0, 0, 0, 9, 1]);
  const paths = [UNARY, STREAM, "/analytics.DataIngestion/StreamData"];
  for (const path of paths) expect(await call(path, begun)).toBe("16 no token came");
  expect(await call(UNARY, GARBAGE, true)).toBe("16 no token came");
  expect(calls).toEqual([...paths, UNARY].map((path) => `${path.slice(1)} UNAUTHENTICATED`));

  const known = await startGrpc(OPEN.gate);
  expect(await known.call(UNARY, GARBAGE, true)).toStartWith("3 ");
});

test("over gRPC who calls may be found out while the message comes, and is asked once", async () => {
  let asked = 0;
  const looking = Promise.withResolvers<Admission>();
  const { call } = await startGrpc({ ...OPEN.gate, admit: () => (asked++, looking.promise) });
  const answers = [call(UNARY, new Uint8Array([0, 0, 0, 0, 0]), true), call(UNARY, new Uint8Array([0, 0, 0, 0, 9]))];
  while (asked < 2) await Bun.sleep(1);
  looking.reject(new WatchpostError("UNAUTHENTICATED", "the JWT has run out"));
  for (const answer of answers) expect(await answer).toBe("16 the JWT has run out");
  expect(asked).toBe(2);
});

test("over gRPC a message that goes on arriving is refused once that is withdrawn what it was taken for", async () => {
  const { cuts, gate } = withdrawing();
  const { call } = await startGrpc(gate);
  const answer = call(UNARY, new Uint8Array([0, 0, 0, 0, 9, 1]));
  while (cuts.size === 0) await Bun.sleep(1);
  for (const cut of cuts) cut(new WatchpostError("UNAUTHENTICATED", "the token was revoked"));
  expect(await answer).toBe("16 the token was revoked");
  expect(cuts.size).toBe(0);
  expect(await call(UNARY, new Uint8Array([0, 0, 0, 0, 0]), true)).toBe("5 there is none");
  expect(cuts.size).toBe(0);
});
