/** Calls over one WebSocket: as over HTTP, side by side, left, and of pages of other sites. */
import { createClient, ConnectError } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterEach, expect, test } from "bun:test";
import { ServerLink } from "../../src/console/server-link.ts";
import { invalidField } from "../../src/model/errors.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { serverStreaming, unary } from "../../src/wire/service.ts";
import { FRAME_BYTES_MAX, FrameKind, frameOf, TUNNEL_PATH } from "../../src/wire/tunnel-frame.ts";
import { OPEN } from "../support/open-gate.ts";

const SNAPSHOT = 2_000;
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function start() {
  const toy = { pulled: 0, ended: 0 };
  async function* updates({ metricNames }: { metricNames: string[] }, { signal }: { signal: AbortSignal }) {
    if (metricNames.length === 0) throw invalidField("metric_names", "", "at least one name");
    try {
      if (metricNames[0] === "quiet") await new Promise((resolve) => signal.addEventListener("abort", resolve));
      if (metricNames[0] === "late")
        await Bun.sleep(1_000).then(() => Promise.reject(invalidField("metric_names", "late", "another")));
      while (!signal.aborted) {
        toy.pulled++;
        yield { dashboardId: metricNames[0], metrics: [{}] };
        if (metricNames[0] !== "snapshot" || toy.pulled % SNAPSHOT === 0) await Bun.sleep(0);
      }
    } finally {
      toy.ended++;
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
  opened.push({ close: () => server.drain(0) });
  const base = `http://${server.address}`;
  const sockets: WebSocket[] = [];
  const link = new ServerLink(base, {
    connect(url) {
      // As a browser says where a page is from.
      const socket = new WebSocket(url, { headers: { origin: base } } as never);
      sockets.push(socket);
      return socket;
    },
    fetch: (request) => globalThis.fetch(request),
    isShared: () => false,
  });
  opened.push(link);
  const fetch = link.fetch as typeof globalThis.fetch;
  const dashboard = createClient(Dashboard, createConnectTransport({ baseUrl: base, fetch, useBinaryFormat: true }));
  return { toy, server, base, dashboard, sockets, link };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(5);
}

test("many calls and streams side by side over one connection; errors as they are", async () => {
  const { dashboard, sockets, toy } = await start();
  const streams = Array.from({ length: 20 }, async (_, i) => {
    const controller = new AbortController();
    const { signal } = controller;
    const stream = dashboard.subscribeMetrics({ metricNames: [`m${i}`] }, { signal });
    let count = 0;
    for await (const { dashboardId } of stream) {
      expect(dashboardId).toBe(`m${i}`);
      if (++count === 10) break;
    }
    controller.abort();
  });
  const answers = Array.from({ length: 50 }, (_, i) => dashboard.queryRange({ metric: `q${i}` }));
  expect((await Promise.all(answers)).map(({ notes }) => notes[0])).toEqual(answers.map((_, i) => `q${i}`));
  await Promise.all(streams);
  await until(() => toy.ended === 20);
  expect(sockets).toHaveLength(1);
  const refused = await dashboard.queryRange({}).catch((error: unknown) => ConnectError.from(error));
  expect(refused).toMatchObject({ rawMessage: 'metric is ""; wanted a name' });
  const broken = (async () => {
    for await (const _ of dashboard.subscribeMetrics({}));
  })().catch((error: unknown) => ConnectError.from(error));
  expect(await broken).toMatchObject({ rawMessage: 'metric_names is ""; wanted at least one name' });
});

test("thousands of small messages at once are few frames", async () => {
  const { dashboard, sockets, link } = await start();
  await until(() => link.hello.value !== undefined);
  let frames = 0;
  sockets[0].addEventListener("message", () => frames++);
  const controller = new AbortController();
  let count = 0;
  for await (const { dashboardId } of dashboard.subscribeMetrics({ metricNames: ["snapshot"] }, controller)) {
    expect(dashboardId).toBe("snapshot");
    if (++count === SNAPSHOT) break;
  }
  controller.abort();
  expect(frames).toBeLessThan(SNAPSHOT / 10);
});

test("a page is told who the server is, and without a console of no scripts", async () => {
  const { link } = await start();
  await until(() => link.hello.value !== undefined);
  expect(link.hello.value).toEqual({
    version: expect.any(String),
    commit: expect.any(String),
    scripts: [],
    who: { name: "anonymous", role: "admin", via: "", scope: "", callable: [] },
  });
});

test("of a stream that has nothing to say the page hears that it is under way", async () => {
  const { dashboard, toy } = await start();
  const late = dashboard
    .subscribeMetrics({ metricNames: ["late"] })
    [Symbol.asyncIterator]()
    .next();
  const refused = late.catch((error: unknown) => ConnectError.from(error));
  const taken = Promise.withResolvers<string | null>();
  const controller = new AbortController();
  const options = {
    signal: controller.signal,
    onHeader: (headers: Headers) => taken.resolve(headers.get("content-type")),
  };
  const first = dashboard
    .subscribeMetrics({ metricNames: ["quiet"] }, options)
    [Symbol.asyncIterator]()
    .next();
  expect(await taken.promise).toBe("application/connect+proto");
  controller.abort();
  expect(first).rejects.toThrow();
  expect(await refused).toMatchObject({ rawMessage: expect.stringContaining("wanted another") });
  await until(() => toy.ended === 2);
});

test("a call that is longer than a frame may be goes as a request of its own", async () => {
  const { dashboard, sockets } = await start();
  const metric = "x".repeat(FRAME_BYTES_MAX);
  expect((await dashboard.queryRange({ metric })).notes).toEqual([metric]);
  const longest = metric.slice(0, -1_000);
  expect((await dashboard.queryRange({ metric: longest })).notes).toEqual([longest]);
  // One that was too long would have ended it.
  expect(sockets).toHaveLength(1);
});

test("a page that leaves ends its calls; one that comes back begins anew", async () => {
  const { dashboard, sockets, toy } = await start();
  const iterator = dashboard.subscribeMetrics({ metricNames: ["m"] })[Symbol.asyncIterator]();
  await iterator.next();
  sockets[0].close();
  expect(iterator.next().then(() => iterator.next())).rejects.toThrow();
  await until(() => toy.ended === 1);
  expect((await dashboard.queryRange({ metric: "again" })).notes).toEqual(["again"]);
  expect(sockets).toHaveLength(2);
});

test("pages of other sites, programs and nonsense are refused", async () => {
  const { base } = await start();
  const opening = (headers: Record<string, string>) =>
    fetch(base + TUNNEL_PATH, {
      headers: {
        ...{ upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" },
        ...{ "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", ...headers },
      },
    });
  expect((await opening({ origin: "https://elsewhere.example.org" })).status).toBe(403);
  expect((await opening({})).status).toBe(403);
  expect((await fetch(base + TUNNEL_PATH, { headers: { origin: base } })).status).toBe(426);
  const nonsense = [
    new Uint8Array(3),
    frameOf(99 as FrameKind, 1),
    frameOf(FrameKind.CALL, 1, new Uint8Array([0, 0, 1, 0, 1])),
    "text",
  ];
  for (const message of nonsense) {
    const socket = new WebSocket(base.replace("http", "ws") + TUNNEL_PATH, { headers: { origin: base } } as never);
    const closed = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve));
    socket.onopen = () => socket.send(message as never);
    expect((await closed).code).toBe(1002);
  }
});

test("a server that stops ends what is under way and closes the connection, however long it would wait", async () => {
  const { dashboard, server, sockets } = await start();
  const iterator = dashboard.subscribeMetrics({ metricNames: ["m"] })[Symbol.asyncIterator]();
  await iterator.next();
  const closed = new Promise<CloseEvent>((resolve) => sockets[0].addEventListener("close", resolve as never));
  const rest = (async () => {
    while (!(await iterator.next()).done);
  })().catch((error: unknown) => ConnectError.from(error));
  await server.drain(600_000);
  expect((await closed).code).toBe(1001);
  expect(await rest).toMatchObject({ rawMessage: expect.stringContaining("shutting down") });
});
