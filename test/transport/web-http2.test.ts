/** HTTP/2 on the port of HTTP: readers that read nothing, streams that are cut, floods. */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import { WatchpostError } from "../../src/model/errors.ts";
import { Dashboard, DashboardDataSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { rawServerStreaming, type CallContext } from "../../src/wire/service.ts";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import {
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  HEADERS,
  rawFrame,
  rawHeader,
  RST_STREAM,
  SETTINGS,
} from "../support/raw-http2.ts";
import { tempDir } from "../support/server-process.ts";
import { shownBy, startTlsRig, tlsSocket, type TlsRig, type TlsRigOptions } from "./tls-rig.ts";

const testTls = testNeeding([program("openssl")]);
const FRAMES_MAX = 20_000;
const CANCEL = Buffer.from([0, 0, 0, 8]);
const dir = tempDir("web-http2");
const opened: AsyncDisposable[] = [];
let authority: TestAuthority;
let own: TestCertificate;

beforeAll(() => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  own = authority.issue({ commonName: "server-one" });
});

afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

afterAll(() => dir[Symbol.dispose]());

async function start(options: Partial<TlsRigOptions> = {}): Promise<TlsRig> {
  const rig = await startTlsRig({ files: { ...own, clientCa: undefined }, ...options });
  opened.push(rig);
  return rig;
}

/** Streams that are never done, each message larger than what HTTP/2 sends ahead: how many messages were made, and ended streams. */
function endless() {
  const seen = { made: 0, ended: 0, cut: [] as CallContext["cut"][] };
  const padding = "x".repeat(64 * 1024);
  async function* messages(_request: unknown, { signal, cut }: CallContext) {
    seen.cut.push(cut);
    try {
      for (; !signal.aborted; seen.made++) {
        yield toBinary(DashboardDataSchema, create(DashboardDataSchema, { dashboardId: padding }));
        await Bun.sleep(0);
      }
    } finally {
      seen.ended++;
    }
  }
  return { seen, methods: [rawServerStreaming(Dashboard.method.subscribeMetrics, messages)] };
}

function http2To({ web }: TlsRig): ClientHttp2Session {
  const [, port] = /:(\d+)$/.exec(web.address)!;
  return connectHttp2(`https://localhost:${port}`, { ca: readFileSync(authority.cert) });
}

function subscribed(session: ClientHttp2Session): ClientHttp2Stream {
  const path = "/analytics.Dashboard/SubscribeMetrics";
  const headers = { ":method": "POST", ":path": path, "content-type": "application/connect+json" };
  const stream = session.request(headers);
  stream.on("error", () => {});
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from("{}")]));
  return stream;
}

testTls("a stream whose reader reads nothing is held back, and others of its connection go on", async () => {
  const { seen, methods } = endless();
  const session = http2To(await start({ methods }));
  subscribed(session).pause();
  while (seen.made === 0) await Bun.sleep(1);
  const answers: string[] = [];
  for (let i = 0; i < 20; i++) {
    let text = "";
    for await (const chunk of session.request({ ":path": "/healthz" })) text += String(chunk);
    answers.push(text);
  }
  expect(answers).toEqual(Array.from({ length: 20 }, () => "ok\n"));
  // Some wait in the stream, one or two on each side.
  expect(seen.made).toBeLessThan(10);
  session.destroy();
});

testTls("a stream that is cut ends for its function, though nobody reads it and others go on", async () => {
  const { seen, methods } = endless();
  const session = http2To(await start({ methods }));
  subscribed(session).pause();
  while (seen.made === 0) await Bun.sleep(1);
  const live = subscribed(session);
  let bytes = 0;
  live.on("data", (chunk: Buffer) => void (bytes += chunk.length));
  while (bytes < 1_000_000) await Bun.sleep(1);
  seen.cut[0]!(new WatchpostError("UNAVAILABLE", "cut for the test"));
  while (seen.ended === 0) await Bun.sleep(1);
  const before = bytes;
  while (bytes === before) await Bun.sleep(1);
  expect({ isClosed: live.closed, ended: seen.ended }).toEqual({ isClosed: false, ended: 1 });
  session.destroy();
});

/** Sends what `framesOf` makes until the server has had enough; resolves with how often. */
async function flooded(socket: TLSSocket, framesOf: (i: number) => Buffer): Promise<number> {
  let isClosed = false;
  socket.on("close", () => (isClosed = true)).resume();
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(rawFrame(SETTINGS, 0, 0));
  let sent = 0;
  for (; sent < FRAMES_MAX && !isClosed; sent++) {
    socket.write(framesOf(sent));
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.destroy();
  return sent;
}

const GET_LIVE = Buffer.concat([
  rawHeader(":method", "GET"),
  rawHeader(":scheme", "https"),
  rawHeader(":authority", "localhost"),
  rawHeader(":path", "/live?metric=*"),
]);

testTls(
  "floods of requests that are cancelled, and of headers without end, are cut off; others are served",
  async () => {
    const { web } = await start();
    const connect = () => tlsSocket(web.address, authority.cert);
    const cancelled = await flooded(await connect(), (i) => {
      const stream = 2 * i + 1;
      return Buffer.concat([
        rawFrame(HEADERS, END_STREAM | END_HEADERS, stream, GET_LIVE),
        rawFrame(RST_STREAM, 0, stream, CANCEL),
      ]);
    });
    expect(cancelled).toBeLessThan(FRAMES_MAX);
    const continued = await flooded(await connect(), (i) => {
      return i === 0
        ? rawFrame(HEADERS, END_STREAM, 1, GET_LIVE)
        : rawFrame(CONTINUATION, 0, 1, Buffer.alloc(1024, 0x40));
    });
    expect(continued).toBeLessThan(FRAMES_MAX);
    expect((await shownBy(web.address, authority.cert)).protocol).toBe("h2");
  },
);

testTls(
  "an answer to a request whose body nobody reads waits for its end: many clients show a reset in its place",
  async () => {
    const session = http2To(await start());
    const stream = session.request({ ":method": "POST", ":path": "/nothing-here" });
    let isAnswered = false;
    stream.on("response", () => (isAnswered = true));
    stream.write("half of it");
    for (let i = 0; i < 5; i++) for await (const _ of session.request({ ":path": "/healthz" }));
    expect(isAnswered).toBeFalse();
    stream.end("and the rest");
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe("there is nothing at /nothing-here; GET / says what is here\n");
    session.destroy();
  },
);
