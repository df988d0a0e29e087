/** Calls whose few bytes would become millions of objects are refused before they do, whichever way they come. */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { afterEach, expect, test } from "bun:test";
import { startGrpcServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Devices, RegisterDeviceRequestSchema as RequestSchema } from "../../src/wire/gen/devices_pb.ts";
import { BatchDataSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { rawUnary, unary } from "../../src/wire/service.ts";
import { OPEN, openGate } from "../support/open-gate.ts";

const REFUSED = "analytics.RegisterDeviceRequest has more than 50000";
const METHOD = `${Devices.typeName}/RegisterDevice`;
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const request = (sensors: number) =>
  create(RequestSchema, { device: { deviceId: "d", sensors: Array.from({ length: sensors }, () => ({})) } });
const many = request(60_000);
/** The largest that is allowed: a thousand sensors of which all is said, and the most tags. */
const honest = create(RequestSchema, {
  device: {
    ...{ deviceId: "d", name: "n", type: "t", model: "m", site: "s", firmware: "f" },
    tags: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`key${i}`, "value"])),
    sensors: Array.from({ length: 1_000 }, (_, i) => ({
      ...{ metricName: `metric.${i}`, unit: "°C", description: "a, b, {c}", outOfRange: "flag" },
      ...{ validMin: -1, validMax: 1, precision: 2 },
    })),
  },
});

async function start() {
  const toy = { ran: 0, batches: [] as string[] };
  const common = {
    address: "127.0.0.1:0",
    health: new HealthState(),
    received: new ReceivedBytes(1 << 28),
    methods: [
      unary(Devices.method.registerDevice, async () => {
        toy.ran++;
        return {};
      }),
      rawUnary(DataIngestion.method.uploadBatch, async (bytes) => {
        toy.batches.push(Buffer.from(bytes).toString("hex"));
        return { pointsProcessed: BigInt(bytes.length) };
      }),
    ],
  };
  const grpc = await startGrpcServer({ ...common, gate: openGate });
  const web = await startWebServer({ ...OPEN, ...common, origins: [], metricsText: async () => "" });
  for (const server of [grpc, web]) opened.push({ close: () => server.drain(0) });
  const post = async (type: string, body: Uint8Array | string, method = METHOD) => {
    const init = { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers: { "content-type": type } };
    const answer = await fetch(`http://${web.address}/${method}`, init);
    return { status: answer.status, text: decodeURIComponent(await answer.text()) };
  };
  return { toy, grpcAddress: grpc.address, post };
}

test("over gRPC", async () => {
  const { toy, grpcAddress } = await start();
  const client = new Client(grpcAddress, credentials.createInsecure());
  opened.push(client);
  const call = (bytes: Uint8Array) =>
    new Promise<string>((resolve) => {
      const buffer = (each: Uint8Array) => Buffer.from(each);
      client.makeUnaryRequest(`/${METHOD}`, buffer, buffer, bytes, (error) => resolve(error?.message ?? "OK"));
    });
  expect(await call(toBinary(RequestSchema, many))).toContain(`INVALID_ARGUMENT: ${REFUSED} fields`);
  expect(toy.ran).toBe(0);
  expect(await call(toBinary(RequestSchema, honest))).toBe("OK");
  // Fields that nobody knows take as long.
  const unknown = Buffer.concat([Buffer.alloc(200_000, Uint8Array.of(0x78, 0))]);
  expect(await call(unknown)).toContain(`INVALID_ARGUMENT: ${REFUSED} fields`);
  expect(toy.ran).toBe(1);
});

/** As messages stand in streams. */
function enveloped(message: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

test("over Connect and gRPC-Web, as protobuf and as JSON", async () => {
  const { toy, post } = await start();
  const [binary, json] = [toBinary(RequestSchema, many), toJsonString(RequestSchema, many)];
  expect(await post("application/proto", binary)).toMatchObject({
    status: 400,
    text: expect.stringContaining(REFUSED),
  });
  expect(await post("application/json", json)).toMatchObject({
    status: 400,
    text: expect.stringContaining(`${REFUSED} values`),
  });
  // Its status stands behind the messages.
  expect((await post("application/grpc-web+proto", enveloped(binary))).text).toContain(REFUSED);
  expect(toy.ran).toBe(0);
  for (const [type, body] of [
    ["application/proto", toBinary(RequestSchema, honest)],
    ["application/json", toJsonString(RequestSchema, honest)],
    ["application/grpc-web+proto", enveloped(toBinary(RequestSchema, honest))],
  ] as const)
    expect(await post(type, body)).toMatchObject({ status: 200 });
  expect(toy.ran).toBe(3);
});

test("the largest batch passes, as protobuf and as JSON", async () => {
  const { post } = await start();
  const tags = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, "v"]));
  const point = { metricName: "m", value: 1, id: "i", tags, timestamp: { seconds: 1_700_000_000n, nanos: 1 } };
  const batch = create(BatchDataSchema, { source: "s", points: Array.from({ length: 10_000 }, () => point) });
  const bytes = toBinary(BatchDataSchema, batch);
  const method = `${DataIngestion.typeName}/UploadBatch`;
  const taken = { status: 200, text: JSON.stringify({ pointsProcessed: String(bytes.length) }) };
  expect(await post("application/json", toJsonString(BatchDataSchema, batch), method)).toMatchObject(taken);
  expect(await post("application/proto", bytes, method)).toMatchObject({ status: 200 });
});

test("a batch as protobuf comes to its function as it was sent, whatever it is", async () => {
  const { toy, post } = await start();
  const method = `${DataIngestion.typeName}/UploadBatch`;
  // Points without anything, of which no message is made; and what is no batch.
  for (const body of [Buffer.alloc(400_000, Uint8Array.of(0x0a, 0)), Buffer.from("no batch"), Buffer.alloc(0)]) {
    toy.batches = [];
    expect((await post("application/proto", body, method)).status).toBe(200);
    expect((await post("application/grpc-web+proto", enveloped(body), method)).text).toContain("grpc-status: 0");
    expect(toy.batches).toEqual([body.toString("hex"), body.toString("hex")]);
  }
});
