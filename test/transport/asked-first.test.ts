/** Whoever may not call hears that before anything of what they ask is received and read, over whatever they call. */
import { afterEach, expect, test } from "bun:test";
import { WatchpostError } from "../../src/model/errors.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import type { Admission, Gate } from "../../src/wire/gate.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { ANONYMOUS, rawServerStreaming, unary } from "../../src/wire/service.ts";
import { OPEN } from "../support/open-gate.ts";

const UNARY = "/analytics.Alerts/GetRule";
const STREAM = "/analytics.Dashboard/SubscribeMetrics";
const GARBAGE = new Uint8Array([0, 0, 0, 0, 2, 0xff, 0xff]);

const opened: { drain(graceMs: number): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.drain(0);
});

async function start(gate: Gate) {
  const received = new ReceivedBytes(64 * 1024 * 1024);
  const calls: string[] = [];
  const server = await startWebServer({
    ...OPEN,
    ...{ address: "127.0.0.1:0", health: new HealthState(), received, origins: [], gate },
    methods: [
      unary(Alerts.method.getRule, async () => {
        throw new WatchpostError("NOT_FOUND", "there is none");
      }),
      rawServerStreaming(Dashboard.method.subscribeMetrics, async function* () {
        yield new Uint8Array();
      }),
    ],
    metricsText: async () => "",
    onCall: (method, status) => calls.push(`${method} ${status}`),
  });
  opened.push(server);
  const post = async (path: string, type: string, body: BodyInit) => {
    const headers = { "content-type": type, "connect-protocol-version": "1" };
    const answer = await fetch(`http://${server.address}${path}`, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text(), grpcStatus: answer.headers.get("grpc-status") };
  };
  return { post, received, calls };
}

const unknown: Gate = {
  admit() {
    throw new WatchpostError("UNAUTHENTICATED", "no token came");
  },
};

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
  const gate: Gate = { admit: (...given) => (asked++, OPEN.gate.admit(...given)) };
  const { post } = await start(gate);
  await post(UNARY, "application/json", "{}");
  await post(STREAM, "application/connect+json", new Uint8Array([0, 0, 0, 0, 2, 0x7b, 0x7d]));
  expect(asked).toBe(2);
});

test("a body that goes on arriving is refused once that is withdrawn what it was taken for", async () => {
  const cuts = new Set<(why: WatchpostError) => void>();
  const admission: Admission = {
    principal: ANONYMOUS,
    hold(cut) {
      cuts.add(cut);
      return () => void cuts.delete(cut);
    },
  };
  const { post } = await start({ admit: () => admission });
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
