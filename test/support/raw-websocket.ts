/** A WebSocket by hand: it can stop reading, leave messages half sent and break the protocol, which a library's cannot. */
import type { Socket } from "bun";

export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface RawWebSocket {
  /** What the server answered to the request to open it: "101 Switching Protocols". */
  readonly status: string;
  /** All that came since it was opened and was not taken. */
  readonly frames: RawFrame[];
  /** Resolves once as many frames are there as are wanted, or it is closed. */
  until(isEnough: (frames: readonly RawFrame[]) => boolean): Promise<void>;
  /** Resolves when all of it is with the system, which waits while the server reads nothing. */
  send(payload: Uint8Array, options?: { readonly opcode?: number; readonly isLast?: boolean }): Promise<void>;
  /** Any bytes. */
  write(bytes: Uint8Array): Promise<void>;
  pause(): void;
  resume(): void;
  readonly isClosed: boolean;
  readonly closed: Promise<void>;
  /** The code of the server's close frame; undefined: there was none. */
  closeCode(): number | undefined;
  terminate(): void;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** `base`: "http://127.0.0.1:8080". */
export async function openRawWebSocket(base: string, path: string, origin = base): Promise<RawWebSocket> {
  const { hostname, port } = new URL(base);
  const frames: RawFrame[] = [];
  const closed = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<string>();
  let rest: Buffer = Buffer.alloc(0);
  let isOpened = false;
  let isClosed = false;
  let waiting: PromiseWithResolvers<void> | undefined;
  let woken: (() => void)[] = [];
  const wake = () => {
    const all = woken;
    woken = [];
    for (const resolve of all) resolve();
  };
  const take = (bytes: Buffer) => {
    rest = rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes]);
    if (!isOpened) {
      const end = rest.indexOf(HEAD_END);
      if (end < 0) return;
      isOpened = true;
      opened.resolve(rest.subarray("HTTP/1.1 ".length, rest.indexOf("\r\n")).toString());
      rest = rest.subarray(end + HEAD_END.byteLength);
    }
    for (let frame = frameIn(rest); frame !== undefined; frame = frameIn(rest)) {
      frames.push(frame);
      rest = rest.subarray(frame.end);
    }
    wake();
  };
  const onClose = () => {
    isClosed = true;
    closed.resolve();
    opened.reject(new Error("it was closed before it was opened"));
    waiting?.resolve();
    wake();
  };
  const socket: Socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_, bytes) => take(Buffer.from(bytes)),
      drain: () => waiting?.resolve(),
      close: onClose,
      error: onClose,
      end: onClose,
    },
  });
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.byteLength && !isClosed;) {
      const written = socket.write(bytes.subarray(at));
      if (written < 0) return;
      at += written;
      if (at === bytes.byteLength) return;
      waiting = Promise.withResolvers();
      await waiting.promise;
    }
  };
  await write(
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\norigin: ${origin}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ),
  );
  const status = await opened.promise;
  return {
    status,
    frames,
    async until(isEnough) {
      while (!isClosed && !isEnough(frames)) await new Promise<void>((resolve) => void woken.push(resolve));
    },
    send: (payload, { opcode = Opcode.BINARY, isLast = true } = {}) => write(clientFrame(payload, opcode, isLast)),
    write,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    get isClosed() {
      return isClosed;
    },
    closed: closed.promise,
    closeCode: () => {
      const close = frames.find(({ opcode }) => opcode === Opcode.CLOSE);
      return close === undefined || close.payload.byteLength < 2 ? undefined : close.payload.readUInt16BE();
    },
    terminate: () => socket.terminate(),
  };
}

/** Masked with zeros, which leaves the payload as it is. */
export function clientFrame(payload: Uint8Array, opcode: number = Opcode.BINARY, isLast = true): Buffer {
  const length = payload.byteLength;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + 4);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

function frameIn(bytes: Buffer): (RawFrame & { readonly end: number }) | undefined {
  if (bytes.byteLength < 2) return undefined;
  const short = bytes[1] & 0x7f;
  const from = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.byteLength < from) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = from + length;
  if (bytes.byteLength < end) return undefined;
  return { opcode: bytes[0] & 0x0f, payload: bytes.subarray(from, end), end };
}
