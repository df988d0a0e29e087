/** HTTP/2 frame by frame over a plain socket, for what no library sends; without Huffman coding and without windows. */
import { createConnection, type Socket } from "node:net";

export const [DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, CONTINUATION] = [0, 1, 3, 4, 7, 9];
export const [END_STREAM, END_HEADERS] = [1, 4];

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function rawFrame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK: a literal that is not indexed; name and value of at most 126 bytes. */
export function rawHeader(name: string, value: string): Buffer {
  const text = (of: string) => Buffer.from([of.length, ...Buffer.from(of)]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

export function rawCallHeaders(path: string): Buffer {
  const pseudo = { ":method": "POST", ":scheme": "http", ":authority": "watchpost", ":path": path };
  const all = Object.entries({ ...pseudo, "content-type": "application/grpc", te: "trailers" });
  return Buffer.concat(all.map(([name, value]) => rawHeader(name, value)));
}

/** An empty message and the end of the sending side. */
export function rawEmptyRequest(stream: number): Buffer {
  return rawFrame(DATA, END_STREAM, stream, Buffer.alloc(5));
}

/** A connection that has sent its preface and empty settings. */
export class RawHttp2 {
  readonly socket: Socket;
  /** As they came. */
  readonly frames: RawFrame[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(address: string) {
    const [host, port] = address.split(":");
    this.socket = createConnection(Number(port), host);
    this.socket.on("error", () => {});
    this.socket.on("close", () => (this.isClosed = true));
    this.socket.on("data", (data: Buffer) => this.#receive(data));
    this.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), rawFrame(SETTINGS, 0, 0));
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.isClosed) this.socket.write(Buffer.concat(frames));
  }

  of(type: number, stream?: number): RawFrame[] {
    return this.frames.filter((frame) => frame.type === type && (stream === undefined || frame.stream === stream));
  }

  close(): void {
    this.socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const length = this.#rest.length < 9 ? Infinity : 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < length) return;
      this.frames.push({
        type: this.#rest[3],
        flags: this.#rest[4],
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, length),
      });
      this.#rest = this.#rest.subarray(length);
    }
  }
}
