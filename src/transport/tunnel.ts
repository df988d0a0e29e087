/** Calls of pages over WebSockets: each is answered as if it had come as a request of its own. */
import type { ServerWebSocket, WebSocketHandler } from "bun";
import {
  FrameKind,
  frameOf,
  jsonFrame,
  readCall,
  readFrame,
  type AnswerHead,
  type ServerHello,
} from "../wire/tunnel-frame.ts";

export interface TunnelData {
  /** What the page was loaded from, such as "http://127.0.0.1:8080". */
  readonly base: string;
  readonly calls: Map<number, AbortController>;
  /** Resolves when the socket has room again; undefined while it has. */
  room: PromiseWithResolvers<void> | undefined;
}

type Socket = ServerWebSocket<TunnelData>;

/** At once, of one page. */
const CALLS_MAX = 256;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
/** What may wait in a socket before its calls do. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const IDLE_TIMEOUT_S = 120;
const [GOING_AWAY, PROTOCOL_ERROR, TRY_AGAIN_LATER] = [1001, 1002, 1013];
const encoder = new TextEncoder();

export function tunnelData(request: Request): TunnelData {
  return { base: new URL(request.url).origin, calls: new Map(), room: undefined };
}

/** A page of another site may open a WebSocket to anywhere: only those of this server may use it. */
export function isOwnPage(request: Request): boolean {
  const origin = request.headers.get("origin");
  return origin !== null && URL.parse(origin)?.host === request.headers.get("host");
}

export interface TunnelDeps {
  /** What each page is told when it has connected. */
  hello(): Promise<ServerHello>;
  /** Of a call, as of any request. */
  answer(request: Request): Promise<Response>;
  /** Once it is aborted sockets are closed, as soon as their calls have ended. */
  readonly stopping: AbortSignal;
  onDefect(error: unknown): void;
}

export function tunnelHandler({ hello, answer, stopping, onDefect }: TunnelDeps): WebSocketHandler<TunnelData> {
  const sockets = new Set<Socket>();
  const closeWhereDone = (socket: Socket) => {
    if (stopping.aborted && socket.data.calls.size === 0) socket.close(GOING_AWAY, "the server is shutting down");
  };
  stopping.addEventListener("abort", () => sockets.forEach(closeWhereDone));
  return {
    data: {} as TunnelData,
    maxPayloadLength: FRAME_BYTES_MAX,
    idleTimeout: IDLE_TIMEOUT_S,
    perMessageDeflate: false,
    open(socket) {
      sockets.add(socket);
      hello().then((said) => socket.send(jsonFrame(FrameKind.HELLO, 0, said)), onDefect);
    },
    message(socket, message) {
      const frame = typeof message === "string" ? undefined : readFrame(new Uint8Array(message));
      if (frame === undefined) return socket.close(PROTOCOL_ERROR, "a frame cannot be read");
      const { call, kind, payload } = frame;
      const { calls } = socket.data;
      if (kind === FrameKind.PING) return void socket.send(frameOf(FrameKind.PING, call));
      if (kind === FrameKind.CANCEL) return calls.get(call)?.abort();
      const begun = kind === FrameKind.CALL && !calls.has(call) ? readCall(payload) : undefined;
      if (begun === undefined) return socket.close(PROTOCOL_ERROR, "a call cannot be read");
      if (calls.size >= CALLS_MAX) return socket.close(TRY_AGAIN_LATER, `more than ${CALLS_MAX} calls at once`);
      const controller = new AbortController();
      calls.set(call, controller);
      const { path, headers } = begun.head;
      const pass = async () => {
        const url = new URL(path, socket.data.base).href;
        const { signal } = controller;
        await passOn(
          await answer(new Request(url, { method: "POST", headers, body: begun.body, signal })),
          socket,
          call,
        );
      };
      pass()
        .catch((error: unknown) => {
          if (controller.signal.aborted) return;
          onDefect(error);
          socket.send(frameOf(FrameKind.FAIL, call, encoder.encode("internal error; see the server's log")));
        })
        .finally(() => {
          calls.delete(call);
          closeWhereDone(socket);
        });
    },
    drain: ({ data }) => hasRoom(data),
    close(socket) {
      const { data } = socket;
      sockets.delete(socket);
      for (const controller of data.calls.values()) controller.abort();
      hasRoom(data);
    },
  };
}

async function passOn(response: Response, socket: Socket, call: number): Promise<void> {
  const { signal } = socket.data.calls.get(call)!;
  const head: AnswerHead = { status: response.status, headers: Object.fromEntries(response.headers) };
  socket.send(jsonFrame(FrameKind.HEAD, call, head));
  for await (const chunk of response.body ?? []) {
    if (signal.aborted) return;
    socket.send(frameOf(FrameKind.CHUNK, call, chunk));
    if (socket.getBufferedAmount() <= BUFFERED_BYTES_MAX) continue;
    await (socket.data.room ??= Promise.withResolvers()).promise;
  }
  socket.send(frameOf(FrameKind.END, call));
}

function hasRoom(data: TunnelData): void {
  data.room?.resolve();
  data.room = undefined;
}
