/** Connections that grow old: every stream ends with a status that says so, and clients go on over another one. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { batchesOf } from "../../src/client/batch.ts";
import { Connection, type Retry } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { startGrpcServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Dashboard, MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { rawBidiStreaming, rawClientStreaming, rawServerStreaming, unary } from "../../src/wire/service.ts";
import { openGate } from "../support/open-gate.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const AGE_MS = 300;
/** Of a real server in a process, where a second is the least that can be set. */
const POINTS = 400;
const OLD = "old, as old as connections get here; connect again";
const SUBSCRIPTION = Buffer.from(
  toBinary(MetricSubscriptionSchema, create(MetricSubscriptionSchema, { metricNames: ["x"] })),
);
const same = (bytes: Buffer) => bytes;

/** `connections`: so many were made so far. */
async function toyServer() {
  const toy = { connections: 0, ended: 0 };
  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => (toy.ended++, resolve())));
  const server = await startGrpcServer({
    address: "127.0.0.1:0",
    gate: openGate,
    health: new HealthState(),
    received: new ReceivedBytes(1 << 20),
    limits: { connectionAgeMsMax: AGE_MS },
    methods: [
      rawServerStreaming(Dashboard.method.subscribeMetrics, async function* (_, { signal }) {
        yield new Uint8Array(0);
        await untilAborted(signal);
      }),
      rawClientStreaming(DataIngestion.method.uploadData, async (messages) => {
        for await (const _ of messages);
        return {};
      }),
      rawBidiStreaming(Collaboration.method.joinSession, async function* (messages) {
        for await (const _ of messages);
        toy.ended++;
        yield { message: "the last word" };
      }),
      unary(Dashboard.method.queryRange, async () => {
        await Bun.sleep(5);
        return {};
      }),
    ],
  });
  const [host, port] = server.address.split(":");
  const counting = createServer((inside) => {
    toy.connections++;
    const outside = connect(Number(port), host);
    inside.pipe(outside).pipe(inside);
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ]) {
      socket.on("error", () => {}).on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => counting.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(counting.address() as { port: number }).port}`;
  const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  return {
    ...{ toy, client },
    async [Symbol.asyncDispose]() {
      client.close();
      await server.drain(0);
      counting.close();
    },
  };
}

function statusOf(call: { on(event: "error" | "end" | "data", hear: (value?: ServiceError) => void): unknown }) {
  return new Promise<Partial<ServiceError>>((resolve) => {
    call.on("data", () => {});
    call.on("error", (error) => resolve(error!));
    call.on("end", () => setTimeout(() => resolve({ code: 0 }), 100));
  });
}

test("streams of every kind end with UNAVAILABLE and a sentence, also one whose client sends nothing", async () => {
  await using rig = await toyServer();
  const path = (method: string) => `/analytics.${method}`;
  const subscribed = rig.client.makeServerStreamRequest(path("Dashboard/SubscribeMetrics"), same, same, SUBSCRIPTION);
  const joined = rig.client.makeBidiStreamRequest(path("Collaboration/JoinSession"), same, same);
  joined.write(Buffer.alloc(0));
  const uploaded = new Promise<ServiceError | null>((resolve) => {
    rig.client.makeClientStreamRequest(path("DataIngestion/UploadData"), same, same, new Metadata(), resolve);
  });
  const ended = await Promise.all([statusOf(subscribed), statusOf(joined as never), uploaded]);
  for (const error of ended) {
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining(OLD) });
  }
  expect(rig.toy.ended).toBe(2);
  expect(rig.toy.connections).toBe(1);
});

test("calls that are answered at once notice nothing, however many connections they go over", async () => {
  await using rig = await toyServer();
  const path = "/analytics.Dashboard/QueryRange";
  const query = () =>
    new Promise<ServiceError | null>((resolve) => {
      rig.client.makeUnaryRequest(path, same, same, Buffer.alloc(0), (error) => resolve(error));
    });
  const deadlineMs = performance.now() + 60_000;
  while (rig.toy.connections < 5 && performance.now() < deadlineMs) {
    expect(await Promise.all([query(), query(), query()])).toEqual([null, null, null]);
  }
  expect(rig.toy.connections).toBeGreaterThanOrEqual(5);
});

test("an upload and a subscription of ours go on over several connections, and no point is lost or doubled", async () => {
  using dir = tempDir("ages");
  const env = { WATCHPOST_CONNECTIONS_AGE_MAX: "1s" };
  const server = await startServerProcess({ data: join(dir.path, "data"), env });
  const connections = [0, 1].map(() => new Connection(server.grpc, { random: () => 0 }));
  const retries: Retry[] = [];
  const onRetry = (retry: Retry) => void retries.push(retry);
  const leaving = new AbortController();
  let snapshots = 0;
  const watched = (async () => {
    const options = { signal: leaving.signal, onRetry };
    for await (const { snapshot } of subscribe(connections[0], { metricNames: ["*"] }, options)) {
      if (snapshot) snapshots++;
    }
  })();
  async function* points() {
    for (let i = 0; i < POINTS; i++) {
      yield { metric: "m", value: i, timeUs: 1_700_000_000_000_000 + i * 1_000 };
      await Bun.sleep(10);
    }
  }
  const sent = await uploadAll(connections[1], batchesOf(points(), "s", 1), { onRetry });
  expect(sent.points).toBe(POINTS);
  while (snapshots < 3) await Bun.sleep(20);
  leaving.abort();
  await watched;
  expect(retries.length).toBeGreaterThanOrEqual(4);
  for (const { error } of retries) {
    expect(error).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining(OLD) });
  }
  const { series } = await queryRange(connections[0], { metric: "m" });
  expect(series.map(({ values }) => values)).toEqual([Array.from({ length: POINTS }, (_, i) => i)]);
  for (const connection of connections) connection.close();
  expect(await server.stop()).toBe(0);
}, 120_000);
