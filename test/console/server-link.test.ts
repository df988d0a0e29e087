/** The page's way to its server, with sockets and a clock of the test's own. */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { PlainCalls } from "../../src/console/plain-calls.ts";
import { ServerLink, type LinkState } from "../../src/console/server-link.ts";
import { HELD_MS, SLOTS_MAX, StreamSlots, type SlotStore } from "../../src/console/stream-slots.ts";
import { FrameKind, frameOf, jsonFrame, readFrame, timeFrame } from "../../src/wire/tunnel-frame.ts";

const BASE = "http://watchpost.example.org";

class FakeSocket {
  binaryType = "";
  readyState: number = WebSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  readonly sent: Uint8Array<ArrayBuffer>[] = [];
  /** Whether it answers pings. */
  isAlive = true;

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.sent.push(frame);
    const { kind, call } = readFrame(frame)!;
    if (this.isAlive && kind === FrameKind.PING) this.hear(timeFrame(call, Date.now() + serverAheadMs));
  }

  hear(frame: Uint8Array<ArrayBuffer>): void {
    this.onmessage?.({ data: frame.slice().buffer });
  }

  open(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  close(reason = ""): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ reason });
  }
}

const dateAt = (aheadMs: number) => new Date(Date.now() + aheadMs).toUTCString();

let sockets: FakeSocket[] = [];
let requests: { request: Request; answer: PromiseWithResolvers<Response> }[] = [];
let isHealthy: boolean | "silent" = false;
let serverAheadMs = 0;
let offsetsMs: number[] = [];
let link: ServerLink;

beforeEach(() => {
  jest.useFakeTimers();
  [sockets, requests, isHealthy, serverAheadMs, offsetsMs] = [[], [], false, 0, []];
  link = new ServerLink(BASE, {
    connect(url) {
      expect(url).toBe("ws://watchpost.example.org/tunnel");
      sockets.push(new FakeSocket());
      return sockets.at(-1) as unknown as WebSocket;
    },
    fetch(request) {
      if (request.url.endsWith("/healthz") && isHealthy !== "silent")
        return isHealthy
          ? Promise.resolve(new Response("ok", { headers: { date: dateAt(serverAheadMs) } }))
          : Promise.reject(new TypeError("no route"));
      const answer = Promise.withResolvers<Response>();
      requests.push({ request, answer });
      request.signal.addEventListener("abort", () => answer.reject(request.signal.reason));
      return answer.promise;
    },
    isShared: () => false,
    onClock: (offsetMs) => offsetsMs.push(offsetMs),
  });
});

afterEach(() => {
  link.close();
  jest.useRealTimers();
});

const state = (): LinkState => link.state.value;

/** Whatever is due by now, promises among it. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await settle();
}

async function refuse(): Promise<void> {
  sockets.at(-1)!.close();
  await settle();
}

test("a connection that closes is tried again after pauses that grow to ten seconds, and since when is kept", async () => {
  sockets[0].open();
  expect(state()).toEqual({ kind: "open" });
  sockets[0].close("the server is shutting down");
  const broken = state();
  if (broken.kind !== "waiting") throw new Error(`it is ${broken.kind}`);
  expect(broken.reason).toBe("the server is shutting down");
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const waiting = state();
    if (waiting.kind !== "waiting") throw new Error(`it is ${waiting.kind}`);
    expect(waiting.sinceMs).toBe(broken.sinceMs);
    const pauseMs = waiting.untilMs - Date.now();
    pauses.push(pauseMs);
    await pass(pauseMs - 1);
    expect(state().kind).toBe("waiting");
    await pass(1);
    expect([state().kind, sockets.length]).toEqual(["connecting", i + 2]);
    await refuse();
  }
  pauses.forEach((ms, i) => {
    const full = Math.min(10_000, 500 * 2 ** i);
    expect(ms).toBeGreaterThanOrEqual(full / 2);
    expect(ms).toBeLessThanOrEqual(full);
  });
  await pass(10_000);
  sockets.at(-1)!.open();
  expect(state()).toEqual({ kind: "open" });
});

test("a server that takes connections and closes them is not asked without pauses", async () => {
  for (let i = 0; i < 6; i++) {
    sockets.at(-1)!.open();
    sockets.at(-1)!.close();
    await pass(10_000);
  }
  expect(sockets.length).toBe(7);
  sockets.at(-1)!.open();
  sockets.at(-1)!.close();
  const after = state();
  expect(after.kind === "waiting" && after.untilMs - Date.now()).toBeGreaterThanOrEqual(5_000);
});

test("who asks, wakes or does something does not wait for the next try", async () => {
  await refuse();
  link.tryNow();
  expect([state().kind, sockets.length]).toEqual(["connecting", 2]);
  await refuse();
  const answer = link.fetch(`${BASE}/call`, { method: "POST", body: "x" });
  await settle();
  expect(sockets.length).toBe(3);
  sockets[2].open();
  await settle();
  expect(sockets[2].sent.map((frame) => readFrame(frame)!.kind)).toEqual([FrameKind.PING, FrameKind.CALL]);
  sockets[2].hear(jsonFrame(FrameKind.HEAD, 1, { status: 200, headers: {} }));
  sockets[2].hear(frameOf(FrameKind.END, 1));
  expect((await answer).status).toBe(200);
});

test("what one does while nobody is there fails at once, and says why", async () => {
  await refuse();
  const answer = link.fetch(`${BASE}/call`, { method: "POST", body: "x" });
  await settle();
  await refuse();
  expect(answer).rejects.toThrow("the server cannot be reached");
});

test("a connection that is silent is dead within two pings, and its calls fail", async () => {
  sockets[0].open();
  await pass(60_000);
  expect(state().kind).toBe("open");
  const answer = link.fetch(`${BASE}/call`, { method: "POST", body: "x" });
  await settle();
  sockets[0].isAlive = false;
  await pass(10_000);
  const dead = state();
  expect(dead).toMatchObject({ kind: "waiting", reason: "the server is silent" });
  expect(answer).rejects.toThrow("the server is silent");
});

test("timers that come minutes late, as in a hidden page, are not silence", async () => {
  sockets[0].open();
  await pass(5_000);
  // The clock goes on, the timers do not.
  jest.setSystemTime(Date.now() + 600_000);
  await pass(5_000);
  expect([state().kind, sockets.length]).toEqual(["open", 1]);
});

test("after a sleep the connection is asked at once whether it lives", async () => {
  sockets[0].open();
  sockets[0].isAlive = false;
  link.check();
  await pass(5_000);
  expect(state().kind).toBe("waiting");
});

test("a page that is left gives its connection back, and is up again as soon as it is looked at", async () => {
  sockets[0].open();
  link.rest();
  expect([sockets[0].readyState, state().kind]).toEqual([WebSocket.CLOSED, "waiting"]);
  link.check();
  sockets[1].open();
  expect(state().kind).toBe("open");
});

test("where WebSockets are refused twice and the server is there, calls go as plain requests, few streams at once", async () => {
  isHealthy = true;
  await refuse();
  expect(state().kind).toBe("waiting");
  link.tryNow();
  await refuse();
  expect(state()).toEqual({ kind: "plain", streamsMax: 3 });
  const stream = (signal?: AbortSignal) =>
    link.fetch(`${BASE}/stream`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto" },
      ...(signal && { signal }),
    });
  const over = new AbortController();
  void stream(over.signal).catch(() => {});
  for (let i = 0; i < 4; i++) void stream().catch(() => {});
  void link.fetch(`${BASE}/unary`, { method: "POST", headers: { "content-type": "application/proto" } });
  await settle();
  const asked = () => requests.map(({ request }) => new URL(request.url).pathname);
  expect(asked().sort()).toEqual(["/stream", "/stream", "/stream", "/unary"]);
  over.abort();
  await settle();
  expect(asked()).toHaveLength(5);
  const streams = requests.filter(({ request }) => request.url.endsWith("/stream"));
  const body = new TransformStream<Uint8Array, Uint8Array>();
  streams[1].answer.resolve(new Response(body.readable));
  await settle();
  expect(asked()).toHaveLength(5);
  await body.writable.close();
  await settle();
  expect(asked()).toHaveLength(6);
});

test("a tunnel is tried for again and takes over; a plain request that fails begins anew", async () => {
  isHealthy = true;
  await refuse();
  link.tryNow();
  await refuse();
  await pass(60_000);
  expect(sockets.length).toBe(3);
  await refuse();
  expect(state().kind).toBe("plain");
  const answer = link.fetch(`${BASE}/unary`, { method: "POST" });
  await settle();
  requests[0].answer.reject(new TypeError("Failed to fetch"));
  expect(answer).rejects.toThrow("Failed to fetch");
  await settle();
  expect(state().kind).toBe("waiting");
  link.tryNow();
  sockets.at(-1)!.open();
  expect(state()).toEqual({ kind: "open" });
});

test("without WebSockets a server that falls silent is asked, and what ran over it fails", async () => {
  isHealthy = true;
  await refuse();
  link.tryNow();
  await refuse();
  expect(state().kind).toBe("plain");
  const failed: string[] = [];
  const begin = (type: string) => {
    const init = { method: "POST", headers: { "content-type": type } };
    link.fetch(`${BASE}/call`, init).catch((error: unknown) => failed.push(`${type}: ${(error as Error).message}`));
  };
  begin("application/connect+proto");
  begin("application/proto");
  await pass(40_000);
  expect(state().kind).toBe("plain");
  isHealthy = "silent";
  // A slow answer may hold the connection that it would have needed, and something was heard a moment ago.
  begin("application/proto");
  await settle();
  const isUnary = ({ request }: { request: Request }) => request.headers.get("content-type") === "application/proto";
  requests.find(isUnary)!.answer.resolve(new Response());
  await pass(10_000);
  expect(state().kind).toBe("plain");
  for (let i = 0; i < 4; i++) await pass(5_000);
  expect(state()).toMatchObject({ kind: "waiting", reason: "the server is silent" });
  expect(failed.sort()).toEqual([
    "application/connect+proto: the server is silent",
    "application/proto: the server is silent",
  ]);
});

test("what the server says of itself is known", () => {
  sockets[0].open();
  const who = { name: "Ada", role: "viewer", via: "session", scope: "", callable: ["analytics.Access/WhoAmI"] };
  const hello = { version: "1.2.3", commit: "abc", scripts: ["chunk-1.js"], who };
  sockets[0].hear(jsonFrame(FrameKind.HELLO, 0, hello));
  expect([link.hello.value, link.who.value]).toEqual([hello, who]);
});

test("what time it is at the server is known before the first call, and where either clock is set", async () => {
  serverAheadMs = 60_000;
  sockets[0].open();
  expect(offsetsMs).toEqual([60_000]);
  jest.setSystemTime(Date.now() + 600_000);
  serverAheadMs = -540_000;
  await pass(5_000);
  expect(offsetsMs).toEqual([60_000, -540_000]);
});

test("without WebSockets the date of an answer says what time it is at the server", async () => {
  [isHealthy, serverAheadMs] = [true, -3_600_000];
  await refuse();
  expect(offsetsMs).toHaveLength(1);
  expect(Math.abs(offsetsMs[0] + 3_600_000)).toBeLessThanOrEqual(500);
});

test("an answer that came late, as to a page that slept, does not say what time it is", async () => {
  sockets[0].isAlive = false;
  sockets[0].open();
  const { call } = readFrame(sockets[0].sent[0])!;
  const thenMs = Date.now();
  jest.setSystemTime(thenMs + 60_000);
  sockets[0].hear(timeFrame(call, thenMs));
  expect(offsetsMs).toEqual([]);
  jest.setSystemTime(thenMs);
  sockets[0].hear(timeFrame(call + 1, thenMs));
  sockets[0].hear(frameOf(FrameKind.PING, call));
  expect(offsetsMs).toEqual([]);
  sockets[0].hear(timeFrame(call, thenMs + 7));
  expect(offsetsMs).toEqual([7]);
});

test("a server that neither opens a WebSocket nor says whether it is there is tried again", async () => {
  isHealthy = "silent";
  await refuse();
  expect(state().kind).toBe("connecting");
  await pass(5_000);
  expect(state().kind).toBe("waiting");
});

test("calls that timers make do not undo the pauses; what people do is tried at once", async () => {
  const ask = async () => {
    void link.fetch(`${BASE}/call`, { method: "POST" }).catch(() => {});
    await settle();
    if (state().kind === "connecting") await refuse();
  };
  await refuse();
  for (let i = 0; i < 100; i++) {
    await ask();
    await pass(100);
    if (state().kind === "connecting") await refuse();
  }
  // In ten seconds: two of the calls, and four or five after pauses, besides the first.
  expect(sockets.length).toBeLessThanOrEqual(9);
  const before = sockets.length;
  link.tryNow();
  expect(sockets.length).toBe(before + 1);
});

test("where streams wait for their turn one that is not wanted any more takes none", async () => {
  isHealthy = true;
  await refuse();
  link.tryNow();
  await refuse();
  const begin = () => {
    const over = new AbortController();
    const headers = { "content-type": "application/connect+proto" };
    const stream = link.fetch(`${BASE}/stream`, { method: "POST", headers, signal: over.signal });
    void stream.catch(() => {});
    return over;
  };
  const streams = Array.from({ length: 6 }, begin);
  await settle();
  expect(requests).toHaveLength(3);
  streams[3].abort();
  await settle();
  streams[0].abort();
  await settle();
  expect(requests).toHaveLength(4);
  // It was its turn, and it left before it began.
  streams[1].abort();
  streams[5].abort();
  await settle();
  expect(requests.filter(({ request }) => !request.signal.aborted)).toHaveLength(3 - 1);
  begin();
  await settle();
  expect(requests.filter(({ request }) => !request.signal.aborted)).toHaveLength(3);
});

test("two tabs without WebSockets share the connections of the browser; one that leaves makes room", async () => {
  const kept = new Map<string, string>();
  const store: SlotStore = {
    read: () => [...kept],
    write: (tab, text) => void kept.set(tab, text),
    remove: (tab) => void kept.delete(tab),
  };
  const begun: Record<string, number> = { a: 0, b: 0, c: 0 };
  const tab = (name: string) => {
    const hold = ({ signal }: Request) => {
      begun[name]++;
      const left = Promise.withResolvers<Response>();
      signal.addEventListener("abort", () => left.reject(signal.reason));
      return left.promise;
    };
    const calls = new PlainCalls(3, hold, new StreamSlots(store, name));
    return Array.from({ length: 4 }, () => {
      const over = new AbortController();
      const headers = { "content-type": "application/connect+proto" };
      calls.fetch(new Request(BASE, { method: "POST", headers, signal: over.signal })).catch(() => {});
      return over;
    });
  };
  const ofA = tab("a");
  const ofB = tab("b");
  await settle();
  expect(begun).toEqual({ a: 3, b: SLOTS_MAX - 3, c: 0 });
  for (let i = 0; i < 10; i++) await pass(HELD_MS / 10);
  expect(begun).toEqual({ a: 3, b: SLOTS_MAX - 3, c: 0 });
  ofA.forEach((over) => over.abort());
  await settle();
  await pass(1_000);
  expect(begun).toEqual({ a: 3, b: 3, c: 0 });
  ofB.forEach((over) => over.abort());
  await settle();
  expect([...kept]).toEqual([]);
  // One that has crashed holds its slots for a while alone.
  store.write("crashed", `${SLOTS_MAX} ${Date.now() + HELD_MS}`);
  const ofC = tab("c");
  await settle();
  for (let i = 0; i < 9; i++) await pass(HELD_MS / 10);
  expect(begun["c"]).toBe(0);
  await pass(HELD_MS / 10 + 1_000);
  expect(begun["c"]).toBe(3);
  ofC.forEach((over) => over.abort());
  await settle();
});
