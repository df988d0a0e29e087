/** All calls of the page over one WebSocket, as a `fetch` for the Connect transport. */
import {
  callFrame,
  FrameKind,
  frameOf,
  readFrame,
  readJson,
  TUNNEL_PATH,
  type AnswerHead,
} from "../wire/tunnel-frame.ts";

interface PendingCall {
  readonly answered: PromiseWithResolvers<Response>;
  body: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
}

const OPEN_WITHIN_MS = 10_000;
const PING_EVERY_MS = 5_000;
/** Of a connection that nothing came over for so long, nothing is believed any more. */
const SILENT_MAX_MS = 12_000;
const decoder = new TextDecoder();

export class Tunnel {
  readonly #url: string;
  readonly #connect: (url: string) => WebSocket;
  readonly #calls = new Map<number, PendingCall>();
  #opened: Promise<WebSocket> | undefined;
  #socket: WebSocket | undefined;
  #last = 0;

  /** `base`: of the page, such as "http://127.0.0.1:8080". */
  constructor(base: string, connect = (url: string) => new WebSocket(url)) {
    this.#connect = connect;
    const url = new URL(TUNNEL_PATH, base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
  }

  /** Whether the server was heard a moment ago. */
  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** POST alone. Rejects with a TypeError where there is no connection, as `fetch` does. */
  readonly fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(String(input), init);
    const body = new Uint8Array(await request.arrayBuffer());
    const socket = await this.#open();
    const call = ++this.#last;
    const pending: PendingCall = { answered: Promise.withResolvers(), body: undefined };
    this.#calls.set(call, pending);
    request.signal.addEventListener("abort", () => {
      if (!this.#calls.delete(call)) return;
      socket.send(frameOf(FrameKind.CANCEL, call));
      const reason = request.signal.reason as unknown;
      pending.answered.reject(reason);
      pending.body?.error(reason);
    });
    request.signal.throwIfAborted();
    const head = { path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) };
    socket.send(callFrame(call, head, body));
    return pending.answered.promise;
  };

  #open(): Promise<WebSocket> {
    this.#opened ??= new Promise<WebSocket>((resolve, reject) => {
      const socket = this.#connect(this.#url);
      this.#socket = socket;
      socket.binaryType = "arraybuffer";
      let heardMs = performance.now();
      const end = (reason: string) => {
        clearInterval(timer);
        socket.onclose = socket.onmessage = null;
        socket.close();
        this.#opened = undefined;
        const error = new TypeError(reason || "the server cannot be reached");
        reject(error);
        this.#failAll(error);
      };
      const timer = setInterval(() => {
        const isOpen = socket.readyState === WebSocket.OPEN;
        if (performance.now() - heardMs > (isOpen ? SILENT_MAX_MS : OPEN_WITHIN_MS)) end("the server is silent");
        else if (isOpen) socket.send(frameOf(FrameKind.PING, 0));
      }, PING_EVERY_MS);
      socket.onopen = () => resolve(socket);
      socket.onmessage = ({ data }) => {
        heardMs = performance.now();
        this.#hear(new Uint8Array(data as ArrayBuffer));
      };
      socket.onclose = ({ reason }) => end(reason);
    });
    return this.#opened;
  }

  #hear(bytes: Uint8Array<ArrayBuffer>): void {
    const frame = readFrame(bytes);
    const pending = frame && this.#calls.get(frame.call);
    if (pending === undefined) return;
    const { kind, call, payload } = frame!;
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

  #cancel(call: number): void {
    if (this.#calls.delete(call)) void this.#opened?.then((socket) => socket.send(frameOf(FrameKind.CANCEL, call)));
  }

  #failAll(error: unknown): void {
    for (const pending of this.#calls.values()) fail(pending, error);
    this.#calls.clear();
  }
}

function fail({ answered, body }: PendingCall, error: unknown): void {
  answered.reject(error);
  body?.error(error);
}
