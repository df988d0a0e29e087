/** Calls as the console makes them, against a server that speaks Connect. */
import { Code, ConnectError, createClient, type CallOptions } from "@connectrpc/connect";
import { afterEach, expect, test } from "bun:test";
import { connectCalls } from "../../src/console/connect-calls.ts";
import { partOf } from "../../src/console/data/stream-part.ts";
import { invalidField } from "../../src/model/errors.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { BadRequestSchema } from "../../src/wire/gen/google/rpc/error_details_pb.ts";
import { serverStreaming, unary } from "../../src/wire/service.ts";
import { OPEN } from "../support/open-gate.ts";

const opened: { drain(graceMs: number): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const server of opened.splice(0)) await server.drain(0);
});

async function start(fetch: typeof globalThis.fetch = globalThis.fetch) {
  let ended = 0;
  async function* updates({ metricNames }: { metricNames: string[] }, { signal }: { signal: AbortSignal }) {
    try {
      for (const name of metricNames) {
        if (name === "wrong") throw invalidField("metric_names", name, "another");
        yield { dashboardId: name };
      }
      while (metricNames.includes("on") && !signal.aborted) await Bun.sleep(1);
    } finally {
      ended++;
    }
  }
  const server = await startWebServer({
    ...OPEN,
    address: "127.0.0.1:0",
    methods: [
      serverStreaming(Dashboard.method.subscribeMetrics, updates),
      unary(Dashboard.method.queryRange, async ({ metric }) => {
        if (metric === "") throw invalidField("metric", "", "a name");
        return { notes: [metric] };
      }),
    ],
    health: new HealthState(),
    received: new ReceivedBytes(1024 * 1024),
    origins: [],
    metricsText: async () => "",
  });
  opened.push(server);
  const dashboard = createClient(Dashboard, connectCalls(`http://${server.address}`, fetch));
  return { dashboard, ended: () => ended };
}

async function names(stream: AsyncIterable<{ dashboardId: string }>): Promise<string[]> {
  const found: string[] = [];
  for await (const { dashboardId } of stream) found.push(dashboardId);
  return found;
}

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

test("answers and streams are what was sent", async () => {
  const { dashboard } = await start();
  expect((await dashboard.queryRange({ metric: "temperatür" })).notes).toEqual(["temperatür"]);
  expect(await names(dashboard.subscribeMetrics({ metricNames: ["a", "b"] }))).toEqual(["a", "b"]);
  expect(await names(dashboard.subscribeMetrics({}))).toEqual([]);
});

test("errors say what the server said, with their details, of calls and in the middle of streams", async () => {
  const { dashboard } = await start();
  const errors = [
    await errorOf(dashboard.queryRange({})),
    await errorOf(names(dashboard.subscribeMetrics({ metricNames: ["a", "wrong"] }))),
  ];
  for (const error of errors) {
    if (!(error instanceof ConnectError)) throw new Error(`wanted a ConnectError; it was ${error}`);
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toContain("; wanted a");
    expect(error.findDetails(BadRequestSchema)[0].fieldViolations).toHaveLength(1);
  }
  const missing = await errorOf(dashboard.listMetrics({}));
  expect(missing).toMatchObject({ code: Code.Unimplemented });
});

test("what is aborted is cancelled, before and meanwhile, and the server hears of it", async () => {
  const { dashboard, ended } = await start();
  const over = AbortSignal.abort();
  expect(await errorOf(dashboard.queryRange({ metric: "m" }, { signal: over }))).toMatchObject({ code: Code.Canceled });
  const controller = new AbortController();
  const stream = dashboard.subscribeMetrics({ metricNames: ["a", "on"] }, { signal: controller.signal });
  const aborted = errorOf(
    (async () => {
      for await (const _ of stream) controller.abort();
    })(),
  );
  expect(await aborted).toMatchObject({ code: Code.Canceled });
  while (ended() < 1) await Bun.sleep(1);
});

test("a connection that breaks is an error, and so is a stream that ends without a word", async () => {
  const broken = await start((async () => {
    throw new TypeError("the server is silent");
  }) as never);
  expect(await errorOf(broken.dashboard.queryRange({ metric: "m" }))).toMatchObject({
    rawMessage: "the server is silent",
  });
  const cut = await start(
    (async () => new Response(new Uint8Array(), { headers: { "content-type": "application/connect+proto" } })) as never,
  );
  expect(await errorOf(names(cut.dashboard.subscribeMetrics({})))).toMatchObject({ code: Code.Unavailable });
  const page = await start((async () => new Response("<html>", { headers: { "content-type": "text/html" } })) as never);
  expect(await errorOf(page.dashboard.queryRange({ metric: "m" }))).toMatchObject({
    rawMessage: "unsupported content type text/html",
  });
});

test("of a stream whose beginning alone is wanted the call is ended behind it", async () => {
  const { dashboard, ended } = await start();
  const page = new AbortController();
  const open = (options: CallOptions) => dashboard.subscribeMetrics({ metricNames: ["a", "b", "on"] }, options);
  expect(await names(partOf(open, page, ({ dashboardId }) => dashboardId === "b"))).toEqual(["a", "b"]);
  while (ended() < 1) await Bun.sleep(1);
  const left = partOf(open, page, () => false);
  await left.next();
  page.abort();
  expect(await errorOf(names(left))).toMatchObject({ code: Code.Canceled });
  while (ended() < 2) await Bun.sleep(1);
});
