/** Requests as they are on the wire, and servers that are not there, slow, or something else. */
import { expect, test } from "bun:test";
import { receiverOf, type ReceiverAccess } from "../../../src/edge/remote-write/receiver.ts";
import { encodedLabels, encodeWriteRequest } from "../../../src/edge/remote-write/write-request.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { unpackSnappy } from "../../../src/wire/snappy.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ownPort } from "../../support/own-port.ts";
import { samplesIn } from "./receiver-rig.ts";

const NEVER = new AbortController().signal;
const ROWS = { seriesIds: Uint32Array.of(1), timesUs: Float64Array.of(5_000), values: Float64Array.of(1.5) };
const REQUEST = encodeWriteRequest(ROWS, Uint32Array.of(0), () => encodedLabels([["__name__", "t"]])).bytes;

function receiver(url: string, access: () => ReceiverAccess = () => ({ headers: {}, ca: undefined })) {
  return receiverOf({ url, timeoutMs: 60_000, clock: systemClock, access });
}

test("a request is what the specification wants, with whoever sends as it is now", async () => {
  const seen: { headers: Headers; body: Uint8Array }[] = [];
  using server = Bun.serve({
    port: 0,
    fetch: async (request) => {
      seen.push({ headers: request.headers, body: new Uint8Array(await request.arrayBuffer()) });
      return new Response(null, { status: 204 });
    },
  });
  let token = "old";
  const access = () => ({ headers: { authorization: `Bearer ${token}`, "x-scope-orgid": "plant" }, ca: undefined });
  const receive = receiver(server.url.href, access);
  expect(await receive(REQUEST, NEVER)).toEqual({ kind: "taken" });
  token = "new";
  await receive(REQUEST, NEVER);
  expect(seen.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer old", "Bearer new"]);
  expect(Object.fromEntries(seen[0].headers)).toMatchObject({
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
    "x-scope-orgid": "plant",
  });
  expect(samplesIn(unpackSnappy(seen[0].body, 1_000))).toEqual([{ series: "__name__=t", timeMs: 5, value: 1.5 }]);
});

test("of a long answer the beginning is told", async () => {
  using server = Bun.serve({
    port: 0,
    fetch: () => new Response("out of order sample\n".repeat(10_000), { status: 400 }),
  });
  const refused = { kind: "refused", reason: "HTTP 400: out of order sample" } as const;
  expect(await receiver(server.url.href)(REQUEST, NEVER)).toEqual(refused);
});

test("a redirect is not followed: points go where they were meant to", async () => {
  using server = Bun.serve({ port: 0, fetch: () => Response.redirect("http://127.0.0.1:1/", 307) });
  expect(await receiver(server.url.href)(REQUEST, NEVER)).toMatchObject({ kind: "later", reason: "HTTP 307" });
});

test("who is not there, does not answer, or has no readable token is waited for", async () => {
  const gone = await receiver(`http://127.0.0.1:${ownPort()}/`)(REQUEST, NEVER);
  expect(gone).toEqual({ kind: "later", reason: "nothing listens there", retryAfterMs: 0 });
  const asked = Promise.withResolvers<void>();
  using server = Bun.serve({
    port: 0,
    fetch: () => {
      asked.resolve();
      return new Promise<Response>(() => {});
    },
  });
  const clock = new ManualClock();
  const slow = receiverOf({
    ...{ url: server.url.href, timeoutMs: 5_000, clock },
    access: () => ({ headers: {}, ca: undefined }),
  })(REQUEST, NEVER);
  await asked.promise;
  clock.advance(5_000);
  expect(await slow).toEqual({ kind: "later", reason: "no answer within 5 s", retryAfterMs: 0 });
  const unreadable = receiver(server.url.href, () => {
    throw new Error("remote_write.token_file cannot be read");
  });
  expect(await unreadable(REQUEST, NEVER)).toMatchObject({ reason: "remote_write.token_file cannot be read" });
});
