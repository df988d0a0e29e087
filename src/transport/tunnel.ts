/** Calls of pages over WebSockets: each is answered as if it had come as a request of its own. */
import type { ServerWebSocket, WebSocketHandler } from "bun";
import {
  FRAME_BYTES_MAX,
  FrameKind,
  frameOf,
  jsonFrame,
  readCall,
  readFrame,
  timeFrame,
  type AnswerHead,
  type ServerHello,
  type TunnelCall,
} from "../wire/tunnel-frame.ts";
import type { Admission } from "../wire/gate.ts";
import type { Principal } from "../wire/service.ts";
import { PAGE_CALLS_MAX, PAGES_CALLS_MAX } from "../model/limits.ts";
import { refusalOfCall, type PagePlaces, type PagesOfOne } from "./page-places.ts";

export interface TunnelData {
  /** What the page was loaded from, such as "http://127.0.0.1:8080". */
  readonly base: string;
  /** Address of the browser. */
  readonly peer: string;
  /** What the browser showed when it connected: pages know neither. */
  readonly shown: Readonly<Record<string, string>>;
  readonly admission: Admission;
  /** Once it is closed. */
  readonly leave: () => void;
  /** Ends the wait for what the browser showed to be withdrawn. */
  release(): void;
  readonly calls: Map<number, AbortController>;
  /** What all pages of whoever opened it have. */
  readonly ofOne: PagesOfOne;
  /** Resolves when the socket has room again; undefined while it has. */
  room: PromiseWithResolvers<void> | undefined;
  /** How many frames may come, and when that was reckoned. */
  framesLeft: number;
  reckonedMs: number;
}

type Socket = ServerWebSocket<TunnelData>;

/** From one page at once, and each second after that. Pages that are left and come to are some hundreds. */
const [FRAMES_MAX, FRAMES_PER_SECOND] = [4_096, 1_024];
/** What may wait in a socket before its calls do. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** Sent at once: calls take turns. */
const CHUNK_BYTES_MAX = 128 * 1024;
/** Past it Bun would leave out what is sent. What waits is far less, but for answers to pings that nobody reads. */
const BACKPRESSURE_BYTES_MAX = 4 * 1024 * 1024;
/** Browsers answer pings of the server, also those of hidden pages: who does not is gone, and leaves the sessions it was in. */
const IDLE_TIMEOUT_S = 60;
const [GOING_AWAY, PROTOCOL_ERROR, TRY_AGAIN_LATER] = [1001, 1002, 1013];
/** What the browser showed is withdrawn. */
const NOT_KNOWN = 3000;
/** Of a closing frame, whose reason is 123 bytes at most. */
const REASON_LENGTH_MAX = 40;
/** Of a stream that was cut: a reader that takes something by then gets the error, too. */
export const UNREAD_TIMEOUT_S = 5;
const TOO_MANY_REQUESTS = 429;
/** Later than nearly all calls are refused that are. */
const HEAD_AFTER_MS = 500;
/** Headers of the request that opened it which every call on it has, too, and as they were there. */
const SHOWN = ["host", "origin", "cookie", "authorization", "forwarded", "x-forwarded-for", "x-real-ip", "user-agent"];
const STREAM_TYPES = "application/connect+";
const encoder = new TextEncoder();

/**
 * Throws RESOURCE_EXHAUSTED where there is no place for another page, or whoever opens it has as many streams as they may have. `leave`
 * is to be called where it is not opened.
 */
export function tunnelData(request: Request, peer: string, admission: Admission, places: PagePlaces): TunnelData {
  const { origin: base } = new URL(request.url);
  const shown = Object.fromEntries(
    SHOWN.flatMap((name) => {
      const value = request.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
  const budget = { framesLeft: FRAMES_MAX, reckonedMs: performance.now() };
  const endStream = admission.allowance?.hold("streams") ?? (() => {});
  try {
    const { ofOne, leave: leavePlace } = places.enter(admission.principal, peer);
    const leave = () => (leavePlace(), endStream());
    return { base, peer, shown, admission, leave, release() {}, calls: new Map(), ofOne, room: undefined, ...budget };
  } catch (error) {
    endStream();
    throw error;
  }
}

/** A page of another site may open a WebSocket to anywhere: only those of this server may use it. */
export function isOwnPage(request: Request): boolean {
  const origin = request.headers.get("origin");
  return origin !== null && URL.parse(origin)?.host === request.headers.get("host");
}

export interface TunnelDeps {
  /** What each page is told when it has connected. */
  hello(principal: Principal): Promise<ServerHello>;
  /** Of a call, as of any request. `closeUnread` is called where its stream was cut. */
  answer(request: Request, peer: string, closeUnread: () => void): Promise<Response>;
  /** Hears how many pages are connected, and how many of their calls are under way. */
  onCount(pages: number, calls: number): void;
  /** Once it is aborted sockets are closed, as soon as their calls have ended. */
  readonly stopping: AbortSignal;
  onDefect(error: unknown): void;
}

export function tunnelHandler({
  hello,
  answer,
  onCount,
  stopping,
  onDefect,
}: TunnelDeps): WebSocketHandler<TunnelData> {
  const sockets = new Set<Socket>();
  let allCalls = 0;
  const closeWhereDone = (socket: Socket) => {
    if (stopping.aborted && socket.data.calls.size === 0) socket.close(GOING_AWAY, "the server is shutting down");
  };
  stopping.addEventListener("abort", () => sockets.forEach(closeWhereDone));
  const run = async (request: Request, socket: Socket, call: number) => {
    const { signal } = request;
    let unread: NodeJS.Timeout | undefined;
    const closeUnread = () => (unread = setTimeout(() => socket.terminate(), UNREAD_TIMEOUT_S * 1_000));
    try {
      await passOn(answer(request, socket.data.peer, closeUnread), streamHeadOf(request), socket, call, signal);
    } catch (error) {
      if (signal.aborted) return;
      onDefect(error);
      const text = encoder.encode("internal error; see the server's log");
      await sendInTurn(socket, frameOf(FrameKind.FAIL, call, text), signal);
    } finally {
      clearTimeout(unread);
      onCount(sockets.size, --allCalls);
      socket.data.ofOne.calls--;
      socket.data.calls.delete(call);
      closeWhereDone(socket);
    }
  };
  return {
    data: {} as TunnelData,
    maxPayloadLength: FRAME_BYTES_MAX,
    idleTimeout: IDLE_TIMEOUT_S,
    backpressureLimit: BACKPRESSURE_BYTES_MAX,
    closeOnBackpressureLimit: true,
    perMessageDeflate: false,
    open(socket) {
      sockets.add(socket);
      onCount(sockets.size, allCalls);
      const { data } = socket;
      data.release = data.admission.hold(({ status, message }) =>
        socket.close(status === "UNAVAILABLE" ? GOING_AWAY : NOT_KNOWN, message.slice(0, REASON_LENGTH_MAX)),
      );
      hello(data.admission.principal).then((said) => socket.send(jsonFrame(FrameKind.HELLO, 0, said)), onDefect);
      closeWhereDone(socket);
    },
    message(socket, message) {
      const frame = typeof message === "string" ? undefined : readFrame(new Uint8Array(message));
      if (frame === undefined) return socket.close(PROTOCOL_ERROR, "a frame cannot be read");
      if (!mayTakeFrame(socket.data)) return socket.close(TRY_AGAIN_LATER, "frames come faster than they are taken");
      const { call, kind, payload } = frame;
      const { calls } = socket.data;
      if (kind === FrameKind.PING) return answerPing(socket, call);
      if (kind === FrameKind.CANCEL) return cancel(socket, call);
      const begun = kind === FrameKind.CALL && !calls.has(call) ? readCall(payload) : undefined;
      const controller = new AbortController();
      const request = begun && requestOf(begun, socket.data, controller.signal);
      if (request === undefined) return socket.close(PROTOCOL_ERROR, "a call cannot be read");
      const { ofOne } = socket.data;
      if (calls.size >= PAGE_CALLS_MAX) return refuse(socket, call, `this page has ${PAGE_CALLS_MAX} calls under way`);
      if (allCalls >= PAGES_CALLS_MAX) return refuse(socket, call, `all pages have ${PAGES_CALLS_MAX} calls under way`);
      const refusal = refusalOfCall(ofOne);
      if (refusal !== undefined) return refuse(socket, call, refusal);
      ofOne.calls++;
      onCount(sockets.size, ++allCalls);
      calls.set(call, controller);
      void run(request, socket, call);
    },
    drain: ({ data }) => hasRoom(data),
    close(socket) {
      const { data } = socket;
      sockets.delete(socket);
      data.release();
      data.leave();
      onCount(sockets.size, allCalls);
      for (const controller of data.calls.values()) controller.abort();
      hasRoom(data);
    },
  };
}

/** Undefined where it is no address, or headers are none. */
function requestOf({ head, body }: TunnelCall, data: TunnelData, signal: AbortSignal): Request | undefined {
  try {
    const headers = new Headers(head.headers);
    for (const name of SHOWN) headers.delete(name);
    for (const [name, value] of Object.entries(data.shown)) headers.set(name, value);
    return new Request(new URL(head.path, data.base).href, { method: "POST", headers, body, signal });
  } catch {
    return undefined;
  }
}

/** Of an answer that streams: also where it is a refusal, that is its end. Undefined where it cannot be told before. */
function streamHeadOf({ headers }: Request): AnswerHead | undefined {
  const type = headers.get("content-type") ?? "";
  if (!type.startsWith(STREAM_TYPES) || headers.has("connect-accept-encoding")) return undefined;
  return { status: 200, headers: { "content-type": type } };
}

/** Connect answers a stream with its first message, which may be hours away: with `early` the page hears that its call is under way. */
async function passOn(
  answering: Promise<Response>,
  early: AnswerHead | undefined,
  socket: Socket,
  call: number,
  signal: AbortSignal,
): Promise<void> {
  let sent: Promise<void> | undefined;
  const quiet = setTimeout(() => {
    if (early !== undefined) sent = sendInTurn(socket, jsonFrame(FrameKind.HEAD, call, early), signal);
  }, HEAD_AFTER_MS);
  const response = await answering.finally(() => clearTimeout(quiet));
  const head: AnswerHead = { status: response.status, headers: Object.fromEntries(response.headers) };
  await sent;
  if (sent === undefined) await sendInTurn(socket, jsonFrame(FrameKind.HEAD, call, head), signal);
  else if (head.status !== early?.status) throw new Error(`a stream was answered with HTTP ${head.status}`);
  for await (const chunk of response.body === null ? [] : gathered(response.body)) {
    for (let at = 0; at < chunk.byteLength && !signal.aborted; at += CHUNK_BYTES_MAX) {
      const piece = chunk.subarray(at, at + CHUNK_BYTES_MAX);
      await sendInTurn(socket, frameOf(FrameKind.CHUNK, call, piece), signal);
    }
    if (signal.aborted) return;
  }
  await sendInTurn(socket, frameOf(FrameKind.END, call), signal);
}

/**
 * What comes within one turn of the event loop is one piece: of a stream that begins with thousands of small messages each
 * would be a frame, which takes longer than what is in it.
 */
async function* gathered(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (let next = reader.read(); ;) {
      const first = await next;
      if (first.done) return;
      const pieces = [first.value];
      let bytes = first.value.byteLength;
      next = reader.read();
      const turn = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
      while (bytes < CHUNK_BYTES_MAX) {
        const more = await Promise.race([next, turn]);
        if (more === undefined || more.done) break;
        pieces.push(more.value);
        bytes += more.value.byteLength;
        next = reader.read();
      }
      yield pieces.length === 1 ? first.value : Buffer.concat(pieces);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Once there is room; nothing where the call was cancelled, or the page has left. */
async function sendInTurn(socket: Socket, frame: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
  const { data } = socket;
  while (socket.getBufferedAmount() > BUFFERED_BYTES_MAX && !signal.aborted) {
    await (data.room ??= Promise.withResolvers()).promise;
  }
  if (!signal.aborted) socket.send(frame);
}

/** As Connect's clients read errors. Whoever does not even read these is left. */
function refuse(socket: Socket, call: number, why: string): void {
  if (socket.getBufferedAmount() > BUFFERED_BYTES_MAX) return socket.close(TRY_AGAIN_LATER, why);
  const message = `${why}, and no more are taken: end some, and try again`;
  const head: AnswerHead = { status: TOO_MANY_REQUESTS, headers: { "content-type": "application/json" } };
  socket.send(jsonFrame(FrameKind.HEAD, call, head));
  socket.send(jsonFrame(FrameKind.CHUNK, call, { code: "resource_exhausted", message }));
  socket.send(frameOf(FrameKind.END, call));
}

function mayTakeFrame(data: TunnelData): boolean {
  if (data.framesLeft < 1) {
    const nowMs = performance.now();
    const gained = ((nowMs - data.reckonedMs) / 1_000) * FRAMES_PER_SECOND;
    data.framesLeft = Math.min(FRAMES_MAX, data.framesLeft + gained);
    data.reckonedMs = nowMs;
  }
  return --data.framesLeft >= 0;
}

/** While much waits to be read, that says that the server is there. */
function answerPing(socket: Socket, call: number): void {
  if (socket.getBufferedAmount() <= BUFFERED_BYTES_MAX) socket.send(timeFrame(call, Date.now()));
}

function cancel({ data }: Socket, call: number): void {
  data.calls.get(call)?.abort();
  hasRoom(data);
}

/** Whoever waits looks again. */
function hasRoom(data: TunnelData): void {
  data.room?.resolve();
  data.room = undefined;
}
