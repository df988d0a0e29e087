import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWebServer } from "../../src/transport/web-server.ts";
import type { TransportServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { Dashboard, DashboardDataSchema, MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { rawServerStreaming } from "../../src/wire/service.ts";
import { OPEN } from "../support/open-gate.ts";

const metrics = Array.from({ length: 200 }, (_, i) => ({ name: `temperature:gateway-${i}`, value: i / 4 }));
const long = create(DashboardDataSchema, { dashboardId: "long", metrics });
const short = create(DashboardDataSchema, { dashboardId: "short" });
let server: TransportServer;

beforeAll(async () => {
  async function* updates() {
    for (const data of [long, short]) yield toBinary(DashboardDataSchema, data);
  }
  const methods = [rawServerStreaming(Dashboard.method.subscribeMetrics, updates)];
  const shared = {
    ...OPEN,
    health: new HealthState(),
    received: new ReceivedBytes(1 << 24),
    metricsText: async () => "",
  };
  server = await startWebServer({ ...shared, address: "127.0.0.1:0", methods, origins: [] });
});

afterAll(() => server.drain(0));

/** Flags and bytes of each message of a stream. */
async function streamed(headers: Record<string, string>) {
  const request = toBinary(MetricSubscriptionSchema, create(MetricSubscriptionSchema, { metricNames: ["*"] }));
  const body = new Uint8Array(5 + request.length);
  new DataView(body.buffer).setUint32(1, request.length);
  body.set(request, 5);
  const answer = await fetch(`http://${server.address}/analytics.Dashboard/SubscribeMetrics`, {
    method: "POST",
    headers: { "content-type": "application/connect+proto", ...headers },
    body,
  });
  if (answer.status !== 200) return { answer, frames: [], text: await answer.text() };
  const bytes = await answer.bytes();
  const frames: { flags: number; payload: Uint8Array<ArrayBuffer> }[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at + 1).getUint32(0);
    frames.push({ flags: bytes[at], payload: bytes.slice(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return { answer, frames, text: "" };
}

test("a stream is packed where its reader takes that, message by message, and short ones are not", async () => {
  const { answer, frames } = await streamed({ "connect-accept-encoding": "br, gzip" });
  expect(answer.headers.get("connect-content-encoding")).toBe("gzip");
  expect(frames.map(({ flags }) => flags)).toEqual([1, 0, 2]);
  expect(fromBinary(DashboardDataSchema, Bun.gunzipSync(frames[0].payload))).toEqual(long);
  expect(fromBinary(DashboardDataSchema, frames[1].payload)).toEqual(short);
  expect(frames[0].payload.length).toBeLessThan(toBinary(DashboardDataSchema, long).length / 3);
});

test("nobody else gets anything packed", async () => {
  for (const headers of [{}, { "connect-accept-encoding": "br" }, { "accept-encoding": "gzip" }]) {
    const { frames } = await streamed(headers as Record<string, string>);
    expect(frames.map(({ flags }) => flags)).toEqual([0, 0, 2]);
  }
});

test("a packed request is refused in words, whatever says so", async () => {
  for (const header of ["content-encoding", "connect-content-encoding", "grpc-encoding"]) {
    const { answer, text } = await streamed({ [header]: "gzip" });
    expect(answer.status).toBe(415);
    expect(text).toContain(`${header} is \\"gzip\\"; wanted a request as it is`);
  }
});
