/** Calls of the page over one WebSocket, as a `fetch` for the Connect transport. */
import {
  callFrame,
  FRAME_BYTES_MAX,
  FrameKind,
  frameOf,
  readFrame,
  readJson,
  readTime,
  type AnswerHead,
  type ServerHello,
} from "../wire/tunnel-frame.ts";

interface PendingCall {
  readonly answered: PromiseWithResolvers<Response>;
  body: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
}

export interface TunnelEvents {
  onOpen(): void;
  onHello(hello: ServerHello): void;
  /** How far the server's clock is before the browser's, in milliseconds, to a second; each time it is asked. */
  onClock(offsetMs: number): void;
  /** Once; "" where nothing is known. All its calls have failed then. */
  onEnd(reason: string): void;
}

const OPEN_WITHIN_MS = 10_000;
const PING_EVERY_MS = 5_000;
/** Of a connection over which no answer to a ping came for so long, nothing is believed any more. */
const ANSWER_WITHIN_MS = 5_000;
/** An answer that took longer, or waited in a page that slept, does not say what time it is. */
const TIME_WITHIN_MS = 2_000;
const decoder = new TextDecoder();

/** Of one socket, from when it is opened until it is closed. */
export class Tunnel {
  readonly #socket: WebSocket;
  readonly #events: TunnelEvents;
  readonly #calls = new Map<number, PendingCall>();
  readonly #pings: ReturnType<typeof setInterval>;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #last = 0;
  #heardMs = Date.now();
  #ping = { number: 0, sentMs: 0 };

  constructor(socket: WebSocket, events: TunnelEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.binaryType = "arraybuffer";
    this.#expectWithin(OPEN_WITHIN_MS);
    // Timers of a hidden page may be minutes late, so silence is reckoned from a ping and not by the clock.
    this.#pings = setInterval(() => this.check(), PING_EVERY_MS);
    socket.onopen = () => {
      this.#hear();
      // Before any call: these are about times.
      this.check();
      events.onOpen();
    };
    socket.onmessage = ({ data }) => {
      this.#hear();
      this.#take(new Uint8Array(data as ArrayBuffer));
    };
    socket.onclose = ({ reason }) => this.#end(reason);
  }

  /** When anything came last. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Asks whether anybody is there; where no answer comes it ends. */
  check(): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#limit !== undefined) return;
    this.#expectWithin(ANSWER_WITHIN_MS);
    this.#ping = { number: this.#ping.number + 1, sentMs: Date.now() };
    this.#socket.send(frameOf(FrameKind.PING, this.#ping.number));
  }

  /** POST alone. Rejects with a TypeError where the connection breaks, as `fetch` does. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const body = new Uint8Array(await request.arrayBuffer());
    request.signal.throwIfAborted();
    if (this.#socket.readyState !== WebSocket.OPEN) throw new TypeError("the connection is closed");
    const head = { path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) };
    const call = ++this.#last;
    const frame = callFrame(call, head, body);
    const { url, headers, signal } = request;
    if (frame.byteLength > FRAME_BYTES_MAX) return fetch(url, { method: "POST", headers, body, signal });
    const pending: PendingCall = { answered: Promise.withResolvers(), body: undefined };
    this.#calls.set(call, pending);
    request.signal.addEventListener("abort", () => {
      if (this.#calls.has(call)) this.#cancel(call);
      fail(pending, request.signal.reason);
    });
    this.#socket.send(frame);
    return pending.answered.promise;
  };

  close(): void {
    this.#end("");
  }

  #expectWithin(ms: number): void {
    this.#limit = setTimeout(() => this.#end("the server is silent"), ms);
  }

  #hear(): void {
    this.#heardMs = Date.now();
    clearTimeout(this.#limit);
    this.#limit = undefined;
  }

  #end(reason: string): void {
    clearInterval(this.#pings);
    clearTimeout(this.#limit);
    const socket = this.#socket;
    if (socket.onclose === null) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    const error = new TypeError(reason || "the server cannot be reached");
    for (const pending of this.#calls.values()) fail(pending, error);
    this.#calls.clear();
    this.#events.onEnd(reason);
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    const frame = readFrame(bytes);
    if (frame === undefined) return;
    const { kind, call, payload } = frame;
    if (kind === FrameKind.HELLO) return this.#events.onHello(readJson(payload) as ServerHello);
    if (kind === FrameKind.PING) return this.#hearTime(call, readTime(payload));
    const pending = this.#calls.get(call);
    if (pending === undefined) return;
    if (kind === FrameKind.HEAD) {
      const { status, headers } = readJson(payload) as AnswerHead;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => void (pending.body = controller),
        cancel: () => this.#cancel(call),
      });
      pending.answered.resolve(new Response(body, { status, headers }));
    } else if (kind === FrameKind.CHUNK) pending.body?.enqueue(payload);
    else {
      this.#calls.delete(call);
      if (kind === FrameKind.END) pending.body?.close();
      else fail(pending, new TypeError(decoder.decode(payload)));
    }
  }

  #hearTime(ping: number, timeMs: number | undefined): void {
    const { number, sentMs } = this.#ping;
    const [heardMs, tookMs] = [this.#heardMs, this.#heardMs - sentMs];
    if (timeMs === undefined || ping !== number || tookMs < 0 || tookMs > TIME_WITHIN_MS) return;
    this.#events.onClock(timeMs - (heardMs - tookMs / 2));
  }

  #cancel(call: number): void {
    if (this.#calls.delete(call) && this.#socket.readyState === WebSocket.OPEN)
      this.#socket.send(frameOf(FrameKind.CANCEL, call));
  }
}

/** Nothing where it was answered to its end. */
function fail({ answered, body }: PendingCall, error: unknown): void {
  answered.reject(error);
  try {
    body?.error(error);
  } catch {
    // It is closed.
  }
}
