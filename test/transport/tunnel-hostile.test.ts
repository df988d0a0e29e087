/** The tunnel with those who mean it ill, or read too slowly: nothing is lost without a word, and memory has bounds. */
import { afterEach, describe, expect, test } from "bun:test";
import { Limits } from "../../src/access/limits.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { CALLER_PAGES_MAX, PAGES_MAX } from "../../src/model/limits.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import type { PageGate } from "../../src/wire/gate.ts";
import { ANONYMOUS, serverStreaming, unary } from "../../src/wire/service.ts";
import { callFrame, FRAME_BYTES_MAX, FrameKind, frameOf, readFrame, TUNNEL_PATH } from "../../src/wire/tunnel-frame.ts";
import { UNLIMITED } from "../access/rig.ts";
import { clientFrame, Opcode, openRawWebSocket, type RawFrame, type RawWebSocket } from "../support/raw-websocket.ts";
import { OPEN } from "../support/open-gate.ts";

/** A machine that has more to do may stand still for a moment. */
const STILL_TIMES = 4;
const MIB = 1024 * 1024;
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function start({ gate = OPEN.gate }: { gate?: PageGate } = {}) {
  const toy = {
    begun: 0,
    ended: 0,
    pulled: 0,
    defects: [] as unknown[],
    counts: [0, 0],
    cut: () => {},
    statuses: [] as string[],
    headers: new Map() as ReadonlyMap<string, string>,
  };
  const server = await startWebServer({
    ...OPEN,
    gate,
    address: "127.0.0.1:0",
    methods: [
      // Answers with as many characters as are asked for.
      unary(Dashboard.method.queryRange, async ({ metric, lastMs }, { signal, headers }) => {
        toy.begun++;
        toy.headers = headers;
        if (metric === "hold") await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { notes: [metric, "x".repeat(Number(lastMs))] };
      }),
      // Goes on until its reader leaves, and does not care whether anybody reads.
      serverStreaming(Dashboard.method.subscribeMetrics, async function* (_, { signal, cut }) {
        toy.begun++;
        toy.cut = () => cut!(new WatchpostError("UNAVAILABLE", "this reader is behind"));
        try {
          while (!signal.aborted) {
            toy.pulled++;
            yield { dashboardId: "d", metrics: [{ name: "x".repeat(64 * 1024) }] };
            await Bun.sleep(0);
          }
          // As some do, to say that they did not end.
          signal.throwIfAborted();
        } finally {
          toy.ended++;
        }
      }),
      // Takes its time, whether it was cancelled or not.
      unary(Dashboard.method.listMetrics, async () => {
        toy.begun++;
        await Bun.sleep(50);
        toy.ended++;
        return {};
      }),
    ],
    health: new HealthState(),
    received: new ReceivedBytes(64 * MIB),
    origins: [],
    metricsText: async () => "",
    onDefect: (error) => toy.defects.push(error),
    onCall: (_, status) => toy.statuses.push(status),
    onPages: (...counts) => (toy.counts = counts),
  });
  opened.push({ close: () => server.drain(0) });
  const base = `http://${server.address}`;
  const open = async (origin = base) => {
    const socket = await openRawWebSocket(base, TUNNEL_PATH, origin);
    opened.push({ close: () => socket.terminate() });
    return socket;
  };
  return { toy, server, base, open };
}

function json(call: number, method: string, body: object | string, headers: Record<string, string> = {}): Uint8Array {
  const head = { path: `/analytics.Dashboard/${method}`, headers: { "content-type": "application/json", ...headers } };
  return callFrame(call, head, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
}

function stream(call: number): Uint8Array {
  const message = Buffer.from("{}");
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.byteLength]), message]);
  const head = {
    path: "/analytics.Dashboard/SubscribeMetrics",
    headers: { "content-type": "application/connect+json" },
  };
  return callFrame(call, head, body);
}

const tunnelFrames = (frames: readonly RawFrame[]) =>
  frames.filter(({ opcode }) => opcode === Opcode.BINARY).map(({ payload }) => readFrame(new Uint8Array(payload))!);
const ended = (frames: readonly RawFrame[]) =>
  frames.filter(({ opcode, payload }) => opcode === Opcode.BINARY && payload[0] === FrameKind.END).length;

function bodyOf(call: number, frames: readonly RawFrame[]): string {
  const own = frames.filter(({ opcode, payload }) => opcode === Opcode.BINARY && payload.readUInt32BE(1) === call);
  return Buffer.concat(
    tunnelFrames(own.filter(({ payload }) => payload[0] === FrameKind.CHUNK)).map(({ payload }) => payload),
  ).toString();
}

/** Nothing more is taken of what there would be. */
async function untilStill(toy: { readonly pulled: number }): Promise<void> {
  for (let [before, times] = [0, 0]; times < STILL_TIMES; await Bun.sleep(100)) {
    times = toy.pulled > 0 && toy.pulled === before ? times + 1 : 0;
    before = toy.pulled;
  }
}

/** It answers as ever. */
async function answers(socket: RawWebSocket, call = 0xffff_fff0): Promise<void> {
  socket.frames.length = 0;
  await socket.send(json(call, "QueryRange", { metric: "still there" }));
  await socket.until((frames) => ended(frames) === 1);
  expect(bodyOf(call, socket.frames)).toContain("still there");
}

describe("a page that reads late", () => {
  test("gets every answer whole, however many there are at once", async () => {
    const { open, toy } = await start();
    const slow = await open();
    slow.pause();
    const lengths = Array.from({ length: 200 }, (_, i) => (i + 1) * 1_500);
    for (const [i, length] of lengths.entries())
      await slow.send(json(i, "QueryRange", { metric: `q${i}`, lastMs: length }));
    while (toy.begun < lengths.length) await Bun.sleep(5);
    await answers(await open());
    slow.resume();
    await slow.until((frames) => ended(frames) === lengths.length);
    const bodies = lengths.map((_, i) => JSON.parse(bodyOf(i, slow.frames)) as { notes: string[] });
    expect(bodies.map(({ notes }) => notes[0])).toEqual(lengths.map((_, i) => `q${i}`));
    expect(bodies.map(({ notes }) => notes[1].length)).toEqual(lengths);
  });

  test("and never, holds a few messages of each stream, whatever they would say, and nobody else up", async () => {
    const { open, toy } = await start();
    const never = await open();
    never.pause();
    for (let i = 0; i < 100; i++) await never.send(stream(i));
    while (toy.begun < 100) await Bun.sleep(5);
    await untilStill(toy);
    expect(toy.pulled).toBeLessThan(2_000);
    expect([toy.ended, toy.counts]).toEqual([0, [1, 100]]);
    const other = await open();
    await answers(other);
    other.terminate();
    never.terminate();
    while (toy.ended < 100) await Bun.sleep(5);
    while (toy.counts[0] + toy.counts[1] > 0) await Bun.sleep(5);
    expect(toy.counts).toEqual([0, 0]);
  });

  test("is disconnected once a stream of it was cut, since nobody else can tell it that it is behind", async () => {
    const { open, toy } = await start();
    const never = await open();
    never.pause();
    await never.send(stream(1));
    await untilStill(toy);
    toy.cut();
    while (toy.counts[0] > 0) await Bun.sleep(50);
    expect(toy.ended).toBe(1);
    never.resume();
    await never.closed;
    expect(never.closeCode()).toBeUndefined();
    const reading = await open();
    await reading.send(stream(2));
    await reading.until((frames) => frames.length > 2);
    toy.cut();
    await reading.until((frames) => ended(frames) === 1);
    expect(bodyOf(2, reading.frames)).toContain("this reader is behind");
    await answers(reading);
  });

  test("and asks on, is left: no more than so many calls wait for it", async () => {
    const { open } = await start();
    const socket = await open();
    socket.pause();
    for (let i = 0; i < 40; i++) await socket.send(json(i, "QueryRange", { metric: "q", lastMs: 500_000 }));
    const more = Array.from({ length: 3_500 }, (_, i) => clientFrame(json(40 + i, "QueryRange", { metric: "q" })));
    // Once it is left nobody reads the rest.
    const sent = socket.write(Buffer.concat(more));
    await answers(await open());
    socket.resume();
    await socket.closed;
    await sent;
    expect(socket.closeCode()).toBe(1013);
  });
});

describe("a page that", () => {
  test("says what only its browser can say is heard as its browser", async () => {
    const { open, toy, base } = await start();
    const socket = await open();
    const said = {
      Cookie: "a=b",
      AUTHORIZATION: "Bearer x",
      Origin: "http://evil",
      Host: "evil",
      "X-Real-IP": "10.0.0.1",
    };
    await socket.send(json(1, "QueryRange", { metric: "q" }, { ...said, "x-own": "kept" }));
    await socket.until((frames) => ended(frames) === 1);
    const heard = (name: string) => toy.headers.get(name);
    expect(["cookie", "authorization", "x-real-ip"].map(heard)).toEqual([undefined, undefined, undefined]);
    expect([heard("origin"), heard("host"), heard("x-own")]).toEqual([base, base.replace("http://", ""), "kept"]);
  });

  test("has more calls under way than may be is told so of those alone", async () => {
    const { open } = await start();
    const [socket, other] = [await open(), await open()];
    for (let i = 0; i < 1_034; i++) await socket.send(json(i, "QueryRange", { metric: "hold" }));
    await socket.until((frames) => ended(frames) === 10);
    const refused = tunnelFrames(socket.frames).filter(({ kind }) => kind === FrameKind.END);
    expect(refused.map(({ call }) => call)).toEqual(Array.from({ length: 10 }, (_, i) => 1_024 + i));
    expect(JSON.parse(bodyOf(1_024, socket.frames))).toEqual({
      code: "resource_exhausted",
      message: expect.stringContaining("this page has 1024 calls under way"),
    });
    await answers(other);
    await socket.send(frameOf(FrameKind.CANCEL, 0));
    await answers(socket);
  });

  test.each([
    ["calls and cancels", (i: number) => [json(i, "ListMetrics", {}), frameOf(FrameKind.CANCEL, i)]],
    ["pings", (i: number) => [frameOf(FrameKind.PING, i)]],
    ["calls that there are not", (i: number) => [callFrame(i, { path: "/x", headers: {} }, new Uint8Array())]],
  ])("sends %s without end is left, and the others are answered", async (_, framesOf) => {
    const { open, toy } = await start();
    const flood = await open();
    for (let i = 0; i < 100_000 && !flood.isClosed; i += 100) {
      const frames = Array.from({ length: 100 }, (_, k) => framesOf(i + k)).flat();
      await flood.write(Buffer.concat(frames.map((frame) => clientFrame(frame))));
      await Bun.sleep(0);
    }
    await flood.closed;
    expect(flood.closeCode()).toBe(1013);
    const begun = toy.begun;
    while (toy.ended < begun) await Bun.sleep(5);
    await answers(await open());
    expect(toy.defects).toEqual([]);
  });

  test("cancels what it called hears no more of it, and goes on", async () => {
    const { open, toy } = await start();
    const socket = await open();
    for (let i = 0; i < 100; i++) await socket.send(stream(i));
    await socket.until(() => toy.begun === 100);
    for (let i = 0; i < 100; i++) await socket.send(frameOf(FrameKind.CANCEL, i));
    while (toy.ended < 100) await Bun.sleep(5);
    expect(toy.statuses).toEqual(Array.from({ length: 100 }, () => "CANCELLED"));
    await answers(socket);
    await answers(socket);
    expect(tunnelFrames(socket.frames).every(({ call }) => call > 100)).toBe(true);
    expect(toy.defects).toEqual([]);
  });

  test("has more open than may be is told so, until another one leaves", async () => {
    let name = "";
    const gate: PageGate = {
      ...OPEN.gate,
      admit: () => ({ principal: { ...ANONYMOUS, isAuthenticated: true, name }, hold: () => () => {} }),
    };
    const { open } = await start({ gate });
    const sockets: RawWebSocket[] = [];
    for (const each of ["ann", "bob", "cyd", "dan"]) {
      name = each;
      sockets.push(...(await Promise.all(Array.from({ length: CALLER_PAGES_MAX }, () => open()))));
      // One caller has no more, though there is room.
      if (each === "ann") expect((await open()).status).toBe("429 Too Many Requests");
    }
    expect(sockets).toHaveLength(PAGES_MAX);
    expect(new Set(sockets.map(({ status }) => status))).toEqual(new Set(["101 Switching Protocols"]));
    name = "eve";
    expect((await open()).status).toBe("429 Too Many Requests");
    await answers(sockets[PAGES_MAX - 1]);
    sockets[0].terminate();
    while (!(await open()).status.startsWith("101")) await Bun.sleep(5);
  });

  test("has as many pages open as one caller may have streams leaves room for others", async () => {
    let peer = "10.0.0.1";
    const limits = new Limits({ settings: { ...UNLIMITED, streams: 2 }, clock: systemClock, onLimited: () => {} });
    const allowance = () => limits.allowanceOf({ isAuthenticated: false, name: "" }, peer);
    const admit = () => ({ principal: ANONYMOUS, allowance: allowance(), hold: () => () => {} });
    const gate = { ...OPEN.gate, admit };
    const { open, base } = await start({ gate });
    // What is no WebSocket holds nothing.
    expect((await fetch(base + TUNNEL_PATH, { headers: { origin: base } })).status).toBe(426);
    const [first] = [await open(), await open()];
    expect(first.status).toStartWith("101");
    expect((await open()).status).toBe("429 Too Many Requests");
    peer = "10.0.0.2";
    expect((await open()).status).toStartWith("101");
    peer = "10.0.0.1";
    first.terminate();
    while (!(await open()).status.startsWith("101")) await Bun.sleep(5);
  });

  test.each([
    ["a message longer than may be", clientFrame(Buffer.alloc(FRAME_BYTES_MAX + 1)), undefined],
    ["a message that says it is 4 GiB", Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]), undefined],
    ["a message of no mask", Buffer.from([0x82, 0x01, 0x07]), undefined],
    ["a frame of no kind", clientFrame(frameOf(0 as FrameKind, 1)), 1002],
    ["a frame of the server", clientFrame(frameOf(FrameKind.CHUNK, 1)), 1002],
    ["text", clientFrame(Buffer.from("{}"), Opcode.TEXT), 1002],
    ["nothing", clientFrame(Buffer.alloc(0)), 1002],
    ["a head longer than may be", clientFrame(json(1, "QueryRange", {}, { "x-long": "x".repeat(20_000) })), 1002],
    ["a head that is no JSON", clientFrame(frameOf(FrameKind.CALL, 1, Buffer.from([0, 0, 0, 1, 0x7b]))), 1002],
    ["a header that is none", clientFrame(json(1, "QueryRange", {}, { "a b": "c" })), 1002],
    ["a header of two lines", clientFrame(json(1, "QueryRange", {}, { a: "b\r\nc: d" })), 1002],
    ["a path that is none", clientFrame(callFrame(1, { path: "http://[", headers: {} }, new Uint8Array())), 1002],
  ])("sends %s is disconnected alone", async (_, frame, code) => {
    const { open, toy } = await start();
    const other = await open();
    const socket = await open();
    await socket.write(frame);
    await socket.closed;
    if (code !== undefined) expect(socket.closeCode()).toBe(code);
    await answers(other);
    expect([toy.begun, toy.defects]).toEqual([1, []]);
  });

  test.each([
    ["a body that is no JSON", json(1, "QueryRange", "{"), 400],
    ["a field that there is not", json(1, "QueryRange", { metrics: "m" }), 400],
    [
      "a body of no UTF-8",
      callFrame(
        1,
        { path: "/analytics.Dashboard/QueryRange", headers: { "content-type": "application/json" } },
        Buffer.from([0x7b, 0xff]),
      ),
      400,
    ],
    ["a type that is none", json(1, "QueryRange", {}, { "content-type": "text/plain" }), 415],
    ["a path outside of the calls", callFrame(1, { path: "/metrics", headers: {} }, new Uint8Array()), 404],
    [
      "a path of another server",
      callFrame(1, { path: "https://elsewhere.example.org/", headers: {} }, new Uint8Array()),
      404,
    ],
    ["a path back to itself", callFrame(1, { path: TUNNEL_PATH, headers: {} }, new Uint8Array()), 404],
    ["a method that is not served", json(1, "ListSeries", {}), 404],
  ])("calls with %s is told so, and goes on", async (_, frame, status) => {
    const { open, toy } = await start();
    const socket = await open();
    await socket.send(frame);
    await socket.until((frames) => ended(frames) === 1);
    const head = tunnelFrames(socket.frames).find(({ kind }) => kind === FrameKind.HEAD);
    expect(JSON.parse(Buffer.from(head!.payload).toString())).toMatchObject({ status });
    await answers(socket);
    expect(toy.defects).toEqual([]);
  });

  test("sends a message in many pieces, between which it waits, is answered; half of one holds up nobody", async () => {
    const { open } = await start();
    const [socket, half] = [await open(), await open()];
    const call = json(7, "QueryRange", { metric: "pieces" });
    await half.send(call.subarray(0, 20), { isLast: false });
    for (let at = 0; at < call.byteLength; at += 10) {
      const opcode = at === 0 ? Opcode.BINARY : Opcode.CONTINUATION;
      await socket.send(call.subarray(at, at + 10), { opcode, isLast: at + 10 >= call.byteLength });
      await Bun.sleep(1);
    }
    await socket.until((frames) => ended(frames) === 1);
    expect(bodyOf(7, socket.frames)).toContain("pieces");
  });
});

test.each(["null", "", "https://127.0.0.1", "http://127.0.0.1.example.org", "http://[::1]"])(
  "a page of %p may not open it",
  async (origin) => {
    const { base, open } = await start();
    const socket = await open(origin);
    expect(socket.status).toBe("403 Forbidden");
    const sameHostOtherPort = await open(`http://${new URL(base).hostname}:1`);
    expect(sameHostOtherPort.status).toBe("403 Forbidden");
  },
);

test("a server that stops closes what is open, quiet, reading or not, within its grace", async () => {
  const { open, server, toy } = await start();
  const quiet = await Promise.all(Array.from({ length: 50 }, () => open()));
  const reading = await open();
  await reading.send(stream(1));
  const never = await open();
  never.pause();
  await never.send(stream(1));
  while (toy.begun < 2) await Bun.sleep(5);
  await server.drain(500);
  await Promise.all([...quiet, reading].map(({ closed }) => closed));
  expect(new Set([...quiet, reading].map((socket) => socket.closeCode()))).toEqual(new Set([1001]));
  never.resume();
  await never.closed;
  expect(toy.ended).toBe(2);
});
