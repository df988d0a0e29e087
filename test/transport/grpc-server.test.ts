/** Native gRPC over toy methods: limits, errors, slow readers, abuse, shutdown. */
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "bun:test";
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { createConnection, type Socket } from "node:net";
import { WatchpostError } from "../../src/model/errors.ts";
import { eachOf, type PushedStream } from "../../src/model/pushed-stream.ts";
import { startGrpcServer, type GrpcLimits, type TransportServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { Dashboard, DashboardDataSchema, MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { QueryRangeRequestSchema } from "../../src/wire/gen/history_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import {
  rawBidiStreaming,
  rawClientStreaming,
  rawServerStreaming,
  unary,
  type CallContext,
} from "../../src/wire/service.ts";
import { fromStatus, packed, STATUS_DETAILS_KEY, toStatus, unpacked } from "../../src/wire/status.ts";
import { openGate } from "../support/open-gate.ts";

const KILOBYTE = new Uint8Array(1024).fill(0x61);
const PAYLOAD = toBinary(
  DashboardDataSchema,
  create(DashboardDataSchema, { dashboardId: new TextDecoder().decode(KILOBYTE) }),
);
const SUBSCRIPTION = toBinary(MetricSubscriptionSchema, create(MetricSubscriptionSchema, { metricNames: ["x"] }));
const SUBSCRIBE = "/analytics.Dashboard/SubscribeMetrics";
const UPLOAD = "/analytics.DataIngestion/UploadData";
const QUERY = "/analytics.Dashboard/QueryRange";
const opened: { close(): unknown }[] = [];

interface Toy {
  pulled: number;
  signals: AbortSignal[];
  ended: number;
  calls: string[];
  defects: unknown[];
}

async function start(
  received = new ReceivedBytes(64 * 1024 * 1024),
  limits: GrpcLimits = {},
  isPushed = false,
): Promise<{ server: TransportServer; client: Client; toy: Toy }> {
  const toy: Toy = { pulled: 0, signals: [], ended: 0, calls: [], defects: [] };
  async function* endless(context: CallContext): AsyncIterable<Uint8Array> {
    toy.signals.push(context.signal);
    try {
      while (!context.signal.aborted) {
        toy.pulled++;
        yield PAYLOAD;
        if (toy.pulled % 64 === 0) await Bun.sleep(0);
      }
    } finally {
      toy.ended++;
    }
  }
  const methods = [
    rawServerStreaming(Dashboard.method.subscribeMetrics, (_, context) =>
      isPushed ? pushed(endless(context)) : endless(context),
    ),
    rawClientStreaming(DataIngestion.method.uploadData, async (batches) => {
      let count = 0;
      for await (const batch of batches) count += batch.length > 0 ? 1 : 0;
      return { pointsProcessed: count };
    }),
    unary(Dashboard.method.queryRange, async ({ metric }) => {
      if (metric === "defect") throw new TypeError("secret text");
      if (metric === "full") throw new WatchpostError("RESOURCE_EXHAUSTED", "full", { retryAfterMs: 1_500 });
      if (metric.startsWith("unknown")) throw new WatchpostError("NOT_FOUND", `there is no metric ${metric}`);
      return {};
    }),
  ];
  const server = await startGrpcServer({
    gate: openGate,
    address: "127.0.0.1:0",
    methods,
    health: new HealthState(),
    received,
    limits,
    onCall: (method, name) => toy.calls.push(`${method} ${name}`),
    onDefect: (error) => toy.defects.push(error),
  });
  const client = new Client(server.address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  opened.push({ close: () => (client.close(), server.drain(0)) });
  return { server, client, toy };
}

function pushed<T>(items: AsyncIterable<T>): AsyncIterable<T> & PushedStream<T> {
  const iterator = items[Symbol.asyncIterator]();
  return { [Symbol.asyncIterator]: () => iterator, each: (take) => eachOf(iterator, take) };
}

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

const bytes = (value: Uint8Array) => Buffer.from(value);
const same = (value: Buffer) => value;

function query(client: Client, metric: string, metadata = new Metadata()): Promise<ServiceError | null> {
  const request = toBinary(QueryRangeRequestSchema, create(QueryRangeRequestSchema, { metric }));
  return new Promise((resolve) =>
    client.makeUnaryRequest(QUERY, bytes, same, request, metadata, (error) => resolve(error)),
  );
}

/** A subscription over a socket of the test's own, for what a well-behaved client never does. */
function openStream(address: string) {
  const [host, port] = address.split(":");
  const socket = createConnection(Number(port), host);
  const session = connect(`http://${address}`, { createConnection: () => socket });
  const headers = { ":method": "POST", ":path": SUBSCRIBE, "content-type": "application/grpc", te: "trailers" };
  const stream = session.request(headers);
  for (const each of [socket, session, stream]) each.on("error", () => {});
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
  return { socket, stream };
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function http2Frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK: every header a literal, none indexed, none Huffman coded. */
function callHeaders(path: string): Buffer {
  const text = (value: string) => Buffer.from([value.length, ...Buffer.from(value)]);
  const pseudo = { ":method": "POST", ":scheme": "http", ":authority": "watchpost", ":path": path };
  const literals = Object.entries({ ...pseudo, "content-type": "application/grpc", te: "trailers" });
  return Buffer.concat(literals.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** Waits until it holds, however long that takes here; the test's own limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

describe("errors", () => {
  test("carry their status and details; a defect's text stays on the server", async () => {
    const { client, toy } = await start();
    const full = await query(client, "full");
    expect(full).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: "full" });
    const [packed] = full!.metadata.get("grpc-status-details-bin");
    expect(fromStatus(full!.code, full!.details, packed as Buffer).retryAfterMs).toBe(1_500);
    expect(await query(client, "defect")).toMatchObject({
      code: status.INTERNAL,
      details: "internal error; see the server's log",
    });
    expect(toy.defects).toEqual([new TypeError("secret text")]);
    expect(toy.calls).toEqual([
      "analytics.Dashboard/QueryRange RESOURCE_EXHAUSTED",
      "analytics.Dashboard/QueryRange INTERNAL",
    ]);
  });

  test("a message that is too large is counted as such, not as a client that left", async () => {
    const { server, toy } = await start();
    const session = connect(`http://${server.address}`);
    session.on("error", () => {});
    opened.push(session);
    const stream = session.request({ ":method": "POST", ":path": UPLOAD, "content-type": "application/grpc" });
    stream.on("error", () => {});
    const head = Buffer.alloc(5);
    head.writeUInt32BE(50 * 1024 * 1024 + 1, 1);
    stream.write(head);
    await until(() => toy.calls.length > 0);
    expect(toy.calls).toEqual(["analytics.DataIngestion/UploadData RESOURCE_EXHAUSTED"]);
  });

  test("come back as they were", () => {
    const violations = [{ field: "a", description: "a is 1" }];
    const data = create(DashboardDataSchema, { dashboardId: "d" });
    const messages = [packed(DashboardDataSchema, data)];
    const error = new WatchpostError("INVALID_ARGUMENT", "wrong", { violations, retryAfterMs: 20, messages });
    const { code, message, details } = toStatus(error);
    const back = fromStatus(code, message, details);
    expect(back).toMatchObject({ status: "INVALID_ARGUMENT", message: "wrong", retryAfterMs: 20 });
    expect(back.violations).toMatchObject(violations);
    expect(back.messages).toHaveLength(1);
    expect(unpacked(back, DashboardDataSchema)).toEqual(data);
    expect(unpacked(back, MetricSubscriptionSchema)).toBeUndefined();
    expect(fromStatus(99, "?", Uint8Array.of(255, 255))).toMatchObject({ status: "UNKNOWN", retryAfterMs: undefined });
  });

  test("text of any length ends its call alone, with a status that says as much of it as trailers hold", async () => {
    const { client, toy } = await start();
    const stream = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, new Uint8Array(0));
    let failure: Error | undefined;
    stream.on("error", (error) => (failure = error)).on("data", () => {});
    opened.push({ close: () => stream.cancel() });
    for (const char of ["x", "\n", "ü"]) {
      const error = await query(client, `unknown${char.repeat(1 << 20)}`);
      expect(error).toMatchObject({
        code: status.NOT_FOUND,
        details: expect.stringMatching(/^there is no metric .*…$/s),
      });
    }
    expect(await query(client, "full")).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(failure).toBeUndefined();
    expect(toy.defects).toEqual([]);
  });

  test("so does what grpc-js itself says of a header", async () => {
    const { server } = await start();
    const session = connect(`http://${server.address}`);
    opened.push(session);
    const encoding = '"'.repeat(60_000);
    const headers = {
      ":method": "POST",
      ":path": QUERY,
      "content-type": "application/grpc",
      "grpc-encoding": encoding,
    };
    const stream = session.request(headers);
    stream.end(Buffer.from([1, 0, 0, 0, 1, 0]));
    const trailers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on("response", resolve).on("error", reject);
    });
    const text = String(trailers["grpc-message"]);
    expect(decodeURI(text)).toMatch(/^Received message compressed with unsupported encoding ".*…$/);
    expect(text.length).toBeLessThanOrEqual(2 * 1024);
  });

  test("garbage in place of a message is the caller's", async () => {
    const { client } = await start();
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(QUERY, bytes, same, Uint8Array.of(0x0a, 0xff), (failure) => resolve(failure)),
    );
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(error!.details).toStartWith("the request is no valid analytics.QueryRangeRequest");
  });

  test("metadata over 16 kB is refused, by this server or by HTTP/2 itself; others are served", async () => {
    const { client } = await start();
    const metadata = new Metadata();
    metadata.set("x-large", "a".repeat(20_000));
    const error = await query(client, "x", metadata);
    expect(error).not.toBeNull();
    expect(await query(client, "x")).toBeNull();
  });
});

describe("streams", () => {
  test.each([false, true])(
    "a reader that does not read is not written for without end; pushed: %p",
    async (isPushed) => {
      const { server, client, toy } = await start(undefined, undefined, isPushed);
      const { socket, stream } = openStream(server.address);
      await until(() => toy.pulled > 10);
      socket.pause();
      let before = -1;
      // It stands still once every buffer on the way is full.
      for (let still = 0; still < 10; still = toy.pulled === before ? still + 1 : 0) {
        before = toy.pulled;
        await Bun.sleep(10);
      }
      expect(toy.pulled * PAYLOAD.length).toBeLessThan(16 * 1024 * 1024);
      expect(await query(client, "x")).toBeNull();
      stream.close(constants.NGHTTP2_CANCEL);
      socket.destroy();
      await until(() => toy.ended === 1);
      expect(toy.signals[0].aborted).toBe(true);
    },
  );

  test("a deadline ends the call on both sides", async () => {
    const { client, toy } = await start();
    const call = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, new Uint8Array(0), new Metadata(), {
      deadline: Date.now() + 1_000,
    });
    call.on("data", () => {});
    const error = await new Promise<ServiceError>((resolve) => call.on("error", resolve));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => toy.ended === 1);
  });

  test("empty messages count, in their number and order", async () => {
    const { client } = await start();
    const answer = await new Promise<Buffer | undefined>((resolve) => {
      const call = client.makeClientStreamRequest(UPLOAD, bytes, same, (_, value) => resolve(value));
      for (let i = 0; i < 500; i++) call.write(i % 5 === 0 ? new Uint8Array(0) : KILOBYTE);
      call.end();
    });
    const { UploadResponseSchema } = await import("../../src/wire/gen/ingestion_pb.ts");
    expect(fromBinary(UploadResponseSchema, answer!).pointsProcessed).toBe(400);
  });
});

describe("abuse", () => {
  test("streams opened and reset at once by the thousand leave other clients served, and nothing open", async () => {
    const { server, client, toy } = await start();
    const session = connect(`http://${server.address}`);
    session.on("error", () => {});
    for (let i = 0; i < 2_000 && !session.destroyed; i++) {
      const stream = session.request({
        ":method": "POST",
        ":path": SUBSCRIBE,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 100 === 0) await Bun.sleep(1);
    }
    expect(await query(client, "x")).toBeNull();
    session.destroy();
    await until(() => toy.ended === toy.signals.length);
  });

  test("a connection that vanishes in the middle of a stream ends its call", async () => {
    const { server, toy } = await start();
    const { socket } = openStream(server.address);
    await until(() => toy.signals.length === 1);
    socket.destroy();
    await until(() => toy.ended === 1);
  });
});

/** A call by hand, since every HTTP/2 library answers pings: preface, empty settings, one call, and then only silence. */
function callByHand(address: string): Socket {
  const [host, port] = address.split(":");
  const socket = createConnection(Number(port), host);
  socket.on("error", () => {});
  opened.push({ close: () => socket.destroy() });
  socket.write(Buffer.concat([PREFACE, http2Frame(0x4, 0, 0), http2Frame(0x1, 0x4, 1, callHeaders(SUBSCRIBE))]));
  socket.write(http2Frame(0x0, 0x1, 1, Buffer.from([0, 0, 0, 0, 0])));
  return socket;
}

test("a peer that no longer answers is given up, and its call with it", async () => {
  const { server, toy } = await start(undefined, { keepaliveMs: 50, keepaliveTimeoutMs: 50 });
  callByHand(server.address);
  await until(() => toy.signals.length === 1);
  await until(() => toy.ended === 1);
});

test("streams and connections get wider windows than the default, which stop a sender between two reads", async () => {
  const { server } = await start();
  let received = Buffer.alloc(0);
  callByHand(server.address).on("data", (data: Buffer) => (received = Buffer.concat([received, data])));
  const windows = () => {
    let [stream, connection] = [65_535, 65_535];
    for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
      const [type, id, bytes] = [received[at + 3], received.readUInt32BE(at + 5), received.readUIntBE(at, 3)];
      if (at + 9 + bytes > received.length) break;
      if (type === 0x8 && id === 0) connection += received.readUInt32BE(at + 9);
      for (let setting = at + 9; type === 0x4 && setting < at + 9 + bytes; setting += 6) {
        if (received.readUInt16BE(setting) === 4) stream = received.readUInt32BE(setting + 2);
      }
    }
    return { stream, connection };
  };
  await until(() => windows().connection > 65_535);
  expect(windows()).toEqual({ stream: 512 * 1024, connection: 1024 * 1024 });
});

describe("what has arrived and was not taken", () => {
  const MEBIBYTE = 1024 * 1024;

  /** A call that announces a message and sends a part of it. */
  function stopInTheMiddle(session: ClientHttp2Session, path: string, announced: number, sent: number) {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const ended = Promise.withResolvers<IncomingHttpHeaders>();
    stream.on("error", () => {});
    stream.on("response", (headers) => headers["grpc-status"] !== undefined && ended.resolve(headers));
    stream.on("trailers", (headers) => ended.resolve(headers));
    const head = Buffer.alloc(5 + sent);
    head.writeUInt32BE(announced, 1);
    stream.write(head);
    return ended.promise;
  }

  test("is bounded over all calls: of those that stop in the middle of a message the oldest is refused", async () => {
    const received = new ReceivedBytes(8 * MEBIBYTE);
    const { server, client } = await start(received);
    const session = connect(`http://${server.address}`);
    session.on("error", () => {});
    opened.push(session);
    const first = stopInTheMiddle(session, UPLOAD, 6 * MEBIBYTE, 5 * MEBIBYTE);
    await until(() => received.bytes >= 5 * MEBIBYTE);
    const second = stopInTheMiddle(session, QUERY, 6 * MEBIBYTE, 5 * MEBIBYTE);
    const trailers = await first;
    expect(trailers["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(decodeURI(String(trailers["grpc-message"]))).toContain("this call has held");
    expect(trailers[STATUS_DETAILS_KEY]).toBeDefined();
    await until(() => received.bytes >= 5 * MEBIBYTE);
    expect(received.bytes).toBeLessThan(8 * MEBIBYTE);
    const third = stopInTheMiddle(session, UPLOAD, 6 * MEBIBYTE, 5 * MEBIBYTE);
    expect((await second)["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(received.refused).toBe(2);
    expect(await query(client, "x")).toBeNull();
    session.destroy();
    await until(() => received.bytes === 0);
    third.catch(() => {});
  });

  test("is counted to nothing again by calls that end, whatever way", async () => {
    const received = new ReceivedBytes(8 * MEBIBYTE);
    const { client } = await start(received);
    await query(client, "x");
    await query(client, "full");
    const sizes = [0, 1, 70_000, 3 * MEBIBYTE, 10];
    await new Promise<void>((resolve) => {
      const call = client.makeClientStreamRequest(UPLOAD, bytes, same, new Metadata(), () => resolve());
      for (const size of sizes) call.write(new Uint8Array(size));
      call.end();
    });
    const reading = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, SUBSCRIPTION);
    reading.on("error", () => {});
    await new Promise((resolve) => reading.once("data", resolve));
    expect(received.bytes).toBe(0);
    reading.cancel();
    await until(() => received.bytes === 0);
    expect(received.refused).toBe(0);
  });

  test("counts a compressed message by what it is unpacked to, while its reader is busy with it", async () => {
    const received = new ReceivedBytes(64 * MEBIBYTE);
    const busy = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const method = rawClientStreaming(DataIngestion.method.uploadData, async (batches) => {
      for await (const _ of batches) {
        reached.resolve();
        await busy.promise;
      }
      return {};
    });
    const server = await startGrpcServer({
      gate: openGate,
      address: "127.0.0.1:0",
      methods: [method],
      health: new HealthState(),
      received,
    });
    const options = { "grpc.default_compression_algorithm": 2, "grpc.use_local_subchannel_pool": 1 };
    const client = new Client(server.address, credentials.createInsecure(), options);
    opened.push({ close: () => (client.close(), server.drain(0)) });
    const answered = new Promise<ServiceError | null>((resolve) => {
      const call = client.makeClientStreamRequest(UPLOAD, bytes, same, new Metadata(), (error) => resolve(error));
      call.write(new Uint8Array(4 * MEBIBYTE));
      call.end();
    });
    await reached.promise;
    expect(received.bytes).toBe(4 * MEBIBYTE);
    busy.resolve();
    expect(await answered).toBeNull();
    await until(() => received.bytes === 0);
  });
});

describe("drain", () => {
  test("ends open streams with UNAVAILABLE and closes within its bound, though a client does not read", async () => {
    const { server, client, toy } = await start();
    const reading = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, new Uint8Array(0));
    reading.on("data", () => {});
    const ended = new Promise<ServiceError>((resolve) => reading.on("error", resolve));
    const deaf = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, new Uint8Array(0));
    deaf.on("error", () => {});
    await until(() => toy.signals.length === 2);
    await server.drain(300);
    expect(await ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: "the server is shutting down; connect again",
    });
    await until(() => toy.ended === 2);
  });
});

describe("a drain lets what has begun come to its end", () => {
  async function startSlow() {
    const go = Promise.withResolvers<void>();
    const seen: number[] = [];
    const methods = [
      unary(Dashboard.method.queryRange, async () => (await go.promise, {})),
      rawBidiStreaming(DataIngestion.method.streamData, async function* (batches) {
        for await (const batch of batches) {
          seen.push(batch.length);
          await go.promise;
          yield { batches: BigInt(seen.length) };
        }
      }),
    ];
    const received = new ReceivedBytes(64 * 1024 * 1024);
    const server = await startGrpcServer({
      gate: openGate,
      address: "127.0.0.1:0",
      methods,
      health: new HealthState(),
      received,
    });
    const client = new Client(server.address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    opened.push({ close: () => (client.close(), server.drain(0)) });
    return { server, client, go, seen };
  }

  test("a call is answered", async () => {
    const { server, client, go } = await startSlow();
    const answered = query(client, "x");
    await Bun.sleep(50);
    const drained = server.drain(60_000);
    go.resolve();
    expect(await answered).toBeNull();
    await drained;
  });

  test("messages that have arrived are answered, then the stream ends with UNAVAILABLE", async () => {
    const { server, client, go, seen } = await startSlow();
    const call = client.makeBidiStreamRequest("/analytics.DataIngestion/StreamData", bytes, same);
    let acks = 0;
    call.on("data", () => acks++);
    const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
    for (let i = 0; i < 5; i++) call.write(KILOBYTE);
    await until(() => seen.length === 1);
    await Bun.sleep(50);
    const drained = server.drain(60_000);
    go.resolve();
    expect((await ended).code).toBe(status.UNAVAILABLE);
    expect([acks, seen.length]).toEqual([5, 5]);
    await drained;
  });
});

test("an address that is taken is named", async () => {
  const { server } = await start();
  const again = startGrpcServer({
    gate: openGate,
    address: server.address,
    methods: [],
    health: new HealthState(),
    received: new ReceivedBytes(1),
  });
  await expect(again).rejects.toThrow(
    `gRPC cannot listen on ${server.address}: the address is in use by another program`,
  );
});
