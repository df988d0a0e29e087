/** What one connection and one call may be: streams at once, metadata, header blocks without end; and who is told what is served. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "bun:test";
import { startGrpcServer, type GrpcLimits } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../src/wire/gen/grpc/reflection/v1/reflection_pb.ts";
import { rawServerStreaming, unary } from "../../src/wire/service.ts";
import {
  CONTINUATION,
  END_HEADERS,
  GOAWAY,
  HEADERS,
  rawCallHeaders,
  rawEmptyRequest,
  rawFrame,
  rawHeader,
  RawHttp2,
  RST_STREAM,
  SETTINGS,
} from "../support/raw-http2.ts";
import { openGate } from "../support/open-gate.ts";

const SUBSCRIBE = "/analytics.Dashboard/SubscribeMetrics";
const QUERY = "/analytics.Dashboard/QueryRange";
const REFUSED_STREAM = 7;
const CANCEL = 8;
const SETTING_STREAMS_MAX = 3;
const METADATA_BYTES_MAX = 16_384;
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  // Without a turn in between, what is closed after a test that ran out of time takes the event loop for itself.
  await Bun.sleep(1);
  for (const each of opened.splice(0).reverse()) await each.close();
});

function connect(address: string): RawHttp2 {
  const connection = new RawHttp2(address);
  opened.push(connection);
  return connection;
}

/** `ran`: calls that came to a handler; subscriptions stay open until their client ends them. */
async function start(limits: GrpcLimits = {}) {
  const toy = { ran: 0, ended: 0 };
  const server = await startGrpcServer({
    gate: openGate,
    address: "127.0.0.1:0",
    health: new HealthState(),
    received: new ReceivedBytes(1 << 20),
    limits,
    methods: [
      rawServerStreaming(Dashboard.method.subscribeMetrics, async function* (_, { signal }) {
        toy.ran++;
        yield new Uint8Array(0);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        toy.ended++;
      }),
      unary(Dashboard.method.queryRange, async () => {
        toy.ran++;
        return {};
      }),
    ],
  });
  const client = new Client(server.address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  opened.push({ close: () => (client.close(), server.drain(0)) });
  return { server, client, toy };
}

const bytes = (value: Uint8Array) => Buffer.from(value);
const same = (value: Buffer) => value;

function query(client: Client, metadata = new Metadata()): Promise<ServiceError | null> {
  return new Promise((resolve) =>
    client.makeUnaryRequest(QUERY, bytes, same, new Uint8Array(0), metadata, (error) => resolve(error)),
  );
}

/** Waits until it holds, however long that takes here; the test's own limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(2);
}

describe("streams of one connection", () => {
  function subscribe(connection: RawHttp2, ...streams: number[]): void {
    for (const id of streams) {
      connection.send(rawFrame(HEADERS, END_HEADERS, id, rawCallHeaders(SUBSCRIBE)), rawEmptyRequest(id));
    }
  }

  function uint32(value: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(value);
    return payload;
  }

  test("past their limit are refused as never begun, those there go on, and a place that is left is free", async () => {
    const { server, client, toy } = await start({ concurrentStreamsMax: 3 });
    const connection = connect(server.address);
    subscribe(connection, 1, 3, 5, 7, 9);
    await until(() => connection.of(RST_STREAM).length === 2 && toy.ran === 3);
    expect(connection.of(RST_STREAM).map(({ stream, payload }) => [stream, payload.readUInt32BE()])).toEqual([
      [7, REFUSED_STREAM],
      [9, REFUSED_STREAM],
    ]);
    expect([1, 3, 5].map((id) => connection.of(HEADERS, id).length)).toEqual([1, 1, 1]);
    expect(connection.of(GOAWAY)).toEqual([]);

    const other = connect(server.address);
    subscribe(other, 1);
    expect(await query(client)).toBeNull();
    await until(() => other.of(HEADERS, 1).length === 1);

    connection.send(rawFrame(RST_STREAM, 0, 3, uint32(CANCEL)));
    await until(() => toy.ended === 1);
    subscribe(connection, 11, 13);
    await until(() => connection.of(HEADERS, 11).length === 1 && connection.of(RST_STREAM, 13).length === 1);
    expect([toy.ran, toy.ended]).toEqual([6, 1]);
  });

  test("may be a thousand, which clients are told", async () => {
    const { server } = await start();
    const connection = connect(server.address);
    await until(() => connection.of(SETTINGS).length > 0);
    const [{ payload }] = connection.of(SETTINGS);
    const settings = Array.from({ length: payload.length / 6 }, (_, i): [number, number] => {
      return [payload.readUInt16BE(6 * i), payload.readUInt32BE(6 * i + 2)];
    });
    expect(new Map(settings).get(SETTING_STREAMS_MAX)).toBe(1_000);
  });
});

describe("metadata", () => {
  /** As the server counts: names, values, and 32 bytes each. */
  async function metadataOf(client: Client, size: number): Promise<Metadata> {
    const probe = new Metadata();
    probe.set("x-large", "a".repeat(2 * METADATA_BYTES_MAX));
    const [, counted] = /^the metadata has (\d+) bytes/.exec((await query(client, probe))!.details)!;
    const metadata = new Metadata();
    metadata.set("x-large", "a".repeat(2 * METADATA_BYTES_MAX + size - Number(counted)));
    return metadata;
  }

  test("up to 16 kB is taken, a byte more is RESOURCE_EXHAUSTED and says so; the connection goes on", async () => {
    const { client } = await start();
    expect(await query(client, await metadataOf(client, METADATA_BYTES_MAX))).toBeNull();
    expect(await query(client, await metadataOf(client, METADATA_BYTES_MAX + 1))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "the metadata has 16385 bytes; wanted at most 16384",
    });
    expect(await query(client)).toBeNull();
  });

  test("too large is RESOURCE_EXHAUSTED for streams too", async () => {
    const { client } = await start();
    const metadata = await metadataOf(client, METADATA_BYTES_MAX + 1);
    const call = client.makeServerStreamRequest(SUBSCRIBE, bytes, same, new Uint8Array(0), metadata);
    call.on("data", () => {});
    const error = await new Promise<ServiceError>((resolve) => call.on("error", resolve));
    expect(error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining("the metadata has 16385 bytes"),
    });
  });

  test("too large: what was refused is not done", async () => {
    const { client, toy } = await start();
    const metadata = await metadataOf(client, METADATA_BYTES_MAX + 1);
    toy.ran = 0;
    await query(client, metadata);
    expect(toy.ran).toBe(0);
  });
});

describe("a header block that goes on and on", () => {
  /** Sends CONTINUATION frames until the connection is closed or `most` are sent; returns how many. */
  async function flood(connection: RawHttp2, payload: Buffer, most: number): Promise<number> {
    connection.send(rawFrame(HEADERS, 0, 1, rawCallHeaders(SUBSCRIBE)));
    const frames = Buffer.concat(Array.from({ length: 50 }, () => rawFrame(CONTINUATION, 0, 1, payload)));
    let sent = 0;
    for (; sent < most && !connection.isClosed; sent += 50) {
      connection.send(frames);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    return sent;
  }

  test("is cut with the connection, before it has become large; others are served meanwhile", async () => {
    const { server, client, toy } = await start();
    const connection = connect(server.address);
    const most = 20_000;
    const flooding = flood(connection, rawHeader("x-flood", "a".repeat(100)), most);
    expect(await query(client)).toBeNull();
    expect(await flooding).toBeLessThan(most);
    await until(() => connection.isClosed);
    expect(connection.of(GOAWAY).length).toBeGreaterThan(0);
    expect(await query(client)).toBeNull();
    // The queries; nothing of the flood.
    expect(toy.ran).toBe(2);
  });

  test("of frames with nothing in them holds up nobody, and is no call", async () => {
    const { server, client, toy } = await start();
    const connection = connect(server.address);
    const flooding = flood(connection, Buffer.alloc(0), 20_000);
    expect(await query(client)).toBeNull();
    await flooding;
    expect(await query(client)).toBeNull();
    expect(toy.ran).toBe(2);
  });

  test("up to what metadata may be is a call like others", async () => {
    const { server, toy } = await start();
    const connection = connect(server.address);
    const pieces = Array.from({ length: 12 }, (_, i) => rawHeader(`x-${i}`, "a".repeat(100)));
    connection.send(rawFrame(HEADERS, 0, 1, rawCallHeaders(SUBSCRIBE)));
    for (const piece of pieces) connection.send(rawFrame(CONTINUATION, 0, 1, piece));
    connection.send(rawFrame(CONTINUATION, END_HEADERS, 1), rawEmptyRequest(1));
    await until(() => connection.of(HEADERS, 1).length === 1);
    expect(toy.ran).toBe(1);
  });
});

describe("reflection", () => {
  type Ask = ServerReflectionRequest["messageRequest"];

  /** One question, one answer. */
  function reflected(client: Client, version: string, messageRequest: Ask): Promise<ServerReflectionResponse> {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const call = client.makeBidiStreamRequest(path, bytes, same);
    call.write(toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest })));
    call.end();
    return new Promise((resolve, reject) => {
      call.on("data", (value: Buffer) => resolve(fromBinary(ServerReflectionResponseSchema, value)));
      call.on("error", reject);
    });
  }

  test("says the same under v1 and v1alpha: what is served, and the files that describe it", async () => {
    const { client } = await start();
    const questions: Ask[] = [
      { case: "listServices", value: "" },
      { case: "fileContainingSymbol", value: "analytics.Dashboard.QueryRange" },
      { case: "fileByFilename", value: "nothing.proto" },
    ];
    const [v1, alpha] = await Promise.all(
      ["v1", "v1alpha"].map((version) => Promise.all(questions.map((ask) => reflected(client, version, ask)))),
    );
    expect(alpha).toEqual(v1);
    const [services, files, missing] = v1.map(({ messageResponse }) => messageResponse);
    expect(services).toMatchObject({
      case: "listServicesResponse",
      value: { service: [{ name: "analytics.Dashboard" }, { name: "grpc.health.v1.Health" }] },
    });
    expect(files.case).toBe("fileDescriptorResponse");
    expect(missing).toMatchObject({ case: "errorResponse", value: { errorCode: status.NOT_FOUND } });
  });
});
