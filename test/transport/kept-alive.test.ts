import { createClient } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { connectCalls } from "../../src/console/connect-calls.ts";
import { HealthState } from "../../src/transport/health.ts";
import { keptAlive } from "../../src/transport/kept-alive.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { KEEP_ALIVE_FLAG, KEEP_ALIVE_HEADER } from "../../src/wire/keep-alive.ts";
import { serverStreaming } from "../../src/wire/service.ts";
import { OPEN } from "../support/open-gate.ts";

const EVERY_MS = 2;
const headers = { "content-type": "application/connect+proto" };
const isSign = (chunk: Uint8Array | undefined) => chunk?.length === 5 && chunk[0] === KEEP_ALIVE_FLAG;

test("a stream begins before it has anything to say, shows signs of life, and then says what it has", async () => {
  const answering = Promise.withResolvers<Response>();
  const { status, body } = await keptAlive(answering.promise, EVERY_MS);
  expect(status).toBe(200);
  const reader = body!.getReader();
  for (let i = 0; i < 3; i++) expect(isSign((await reader.read()).value)).toBe(true);
  const said = new TransformStream<Uint8Array, Uint8Array>();
  answering.resolve(new Response(said.readable, { headers }));
  const writer = said.writable.getWriter();
  const heard: Uint8Array[] = [];
  void writer.write(new Uint8Array([0, 0, 0, 0, 1, 7]));
  while (heard.length === 0) {
    const { value } = await reader.read();
    if (!isSign(value)) heard.push(value!);
  }
  // Quiet again.
  expect(isSign((await reader.read()).value)).toBe(true);
  void writer.close();
  let last = await reader.read();
  while (!last.done) last = (expect(isSign(last.value)).toBe(true), await reader.read());
  expect(heard).toEqual([new Uint8Array([0, 0, 0, 0, 1, 7])]);
});

test("whoever leaves is not answered any more, and what is no stream is answered as it is", async () => {
  const left = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array>({ cancel: (reason) => left.resolve(reason) });
  const answer = await keptAlive(Promise.resolve(new Response(body, { headers })), EVERY_MS);
  await answer.body!.cancel("gone");
  expect(await left.promise).toBe("gone");
  const refusal = new Response("no", { status: 415 });
  expect(await keptAlive(Promise.resolve(refusal))).toBe(refusal);
  const broken = await keptAlive(Promise.resolve(new Response(failing(), { headers })), EVERY_MS);
  await expect(broken.bytes()).rejects.toThrow("the disk is full");
});

test("a page hears at once that its stream is under way, and nothing of the signs", async () => {
  const speak = Promise.withResolvers<void>();
  const server = await startWebServer({
    ...OPEN,
    address: "127.0.0.1:0",
    methods: [
      serverStreaming(Dashboard.method.subscribeMetrics, async function* () {
        await speak.promise;
        yield { dashboardId: "said" };
      }),
    ],
    ...{
      health: new HealthState(),
      received: new ReceivedBytes(1024 * 1024),
      origins: [],
      metricsText: async () => "",
    },
  });
  const asking = (url: string, init: RequestInit) =>
    fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), [KEEP_ALIVE_HEADER]: "1" } });
  const dashboard = createClient(Dashboard, connectCalls(`http://${server.address}`, asking));
  const heard: string[] = [];
  // What is said waits for the head: without signs neither would come.
  for await (const { dashboardId } of dashboard.subscribeMetrics({}, { onHeader: () => speak.resolve() }))
    heard.push(dashboardId);
  expect(heard).toEqual(["said"]);
  await server.drain(0);
});

function failing(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: () => Promise.reject(new Error("the disk is full")) });
}
