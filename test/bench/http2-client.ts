/**
 * The least HTTP/2 that a gRPC load generator needs, over a plain socket, so that the load costs little beside the server
 * it measures: calls are opened, prepared DATA frames written as the server's windows allow, messages of the answer
 * handed on. Header blocks of answers are not read: a call that ends without a message has failed.
 */
import type { Socket } from "bun";

export interface CallHandlers {
  onMessage(message: Uint8Array): void;
  onEnd(): void;
  onError(error: Error): void;
}

interface Call {
  readonly handlers: CallHandlers;
  sendWindow: number;
  /** Received bytes of a message that is not complete. */
  partial: Uint8Array;
}

export interface Http2Options {
  /** False: the server may send what fits the initial window (65,535 bytes) of each stream and no more. */
  readonly reads?: boolean;
}

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const SETTING_INITIAL_WINDOW = 4;
const WINDOW_MAX = 2 ** 31 - 1;
const WINDOW_INITIAL = 65_535;
const NOTHING = new Uint8Array(0);

export class Http2Client {
  /** Called when more may be written: a window or the socket has room again. */
  onWritable: () => void = () => {};
  readonly #authority: string;
  readonly #calls = new Map<number, Call>();
  #socket!: Socket<undefined>;
  #nextId = 1;
  #sendWindow = WINDOW_INITIAL;
  #initialSendWindow = WINDOW_INITIAL;
  #received = NOTHING;
  #unreported = 0;
  #pending: Uint8Array[] = [];
  /** A prepared frame is half written: nothing else may come in between. */
  #midFrame = false;
  #settled = Promise.withResolvers<void>();
  #closed = false;

  private constructor(authority: string) {
    this.#authority = authority;
  }

  static async connect(address: string, { reads = true }: Http2Options = {}): Promise<Http2Client> {
    const client = new Http2Client(address);
    const at = address.lastIndexOf(":");
    client.#socket = await Bun.connect({
      hostname: address.slice(0, at),
      port: Number(address.slice(at + 1)),
      socket: {
        binaryType: "uint8array",
        data: (_, bytes) => client.#receive(bytes),
        drain: () => client.#drain(),
        close: () => client.#fail(new Error(`the connection to ${address} was closed by the server`)),
        error: (_, error) => client.#fail(error),
      },
    });
    client.#socket.setNoDelay(true);
    const settings = reads ? setting(SETTING_INITIAL_WINDOW, WINDOW_MAX) : NOTHING;
    client.#send(PREFACE);
    client.#send(frame(SETTINGS, 0, 0, settings));
    if (reads) client.#send(frame(WINDOW_UPDATE, 0, 0, uint32(WINDOW_MAX - WINDOW_INITIAL)));
    await client.#settled.promise;
    return client;
  }

  /** Opens a call; its number is that of its frames. The first of a connection is 1, then 3, 5… */
  call(path: string, handlers: CallHandlers): number {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#calls.set(id, { handlers, sendWindow: this.#initialSendWindow, partial: NOTHING });
    this.#send(frame(HEADERS, END_HEADERS, id, requestHeaders(path, this.#authority)));
    return id;
  }

  /** A small message in a frame of its own, whatever the windows say; `last` ends the sending side. */
  sendMessage(id: number, message: Uint8Array, last: boolean): void {
    const payload = concat([Uint8Array.of(0), uint32(message.length), message]);
    this.#send(frame(DATA, last ? END_STREAM : 0, id, payload));
  }

  endSending(id: number): void {
    this.#send(frame(DATA, END_STREAM, id, NOTHING));
  }

  /**
   * Takes whole prepared frames of one call from buffer[from, …) as far as the windows allow, and writes them; `cuts` are
   * their ends. Returns how far: `taken` counts against the windows, `written` is in the socket's hands. What is
   * between them must be written with {@link writeRest} before anything else.
   */
  writeFrames(id: number, buffer: Uint8Array, cuts: Int32Array, from: number): { taken: number; written: number } {
    const call = this.#calls.get(id);
    if (call === undefined || this.#pending.length > 0) return { taken: from, written: from };
    let taken = from;
    let low = 0;
    for (let high = cuts.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (cuts[middle] > from) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < cuts.length; i++) {
      const payload = cuts[i] - taken - 9;
      if (payload > call.sendWindow || payload > this.#sendWindow) break;
      call.sendWindow -= payload;
      this.#sendWindow -= payload;
      taken = cuts[i];
    }
    return { taken, written: from + this.writeRest(buffer, from, taken) };
  }

  /** Returns how many bytes the socket took. */
  writeRest(buffer: Uint8Array, from: number, to: number): number {
    if (from === to || this.#closed) return 0;
    const written = Math.max(0, this.#socket.write(buffer, from, to - from));
    this.#midFrame = written < to - from;
    if (!this.#midFrame) this.#flush();
    return written;
  }

  /** Stops reading the socket altogether. */
  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#closed = true;
    this.#socket.end();
  }

  #send(bytes: Uint8Array): void {
    if (this.#closed) return;
    const mustWait = this.#midFrame || this.#pending.length > 0;
    const written = mustWait ? 0 : Math.max(0, this.#socket.write(bytes));
    if (written < bytes.length) this.#pending.push(bytes.slice(written));
  }

  #drain(): void {
    if (!this.#midFrame) this.#flush();
    this.onWritable();
  }

  #flush(): void {
    while (this.#pending.length > 0) {
      const written = Math.max(0, this.#socket.write(this.#pending[0]));
      if (written < this.#pending[0].length) {
        this.#pending[0] = this.#pending[0].subarray(written);
        return;
      }
      this.#pending.shift();
    }
  }

  #receive(bytes: Uint8Array): void {
    const input = this.#received.length === 0 ? bytes : concat([this.#received, bytes]);
    let at = 0;
    let windowGrew = false;
    while (input.length - at >= 9) {
      const length = (input[at] << 16) | (input[at + 1] << 8) | input[at + 2];
      if (input.length - at < 9 + length) break;
      const id = readUint32(input, at + 5) & 0x7fffffff;
      windowGrew =
        this.#onFrame(input[at + 3], input[at + 4], id, input.subarray(at + 9, at + 9 + length)) || windowGrew;
      at += 9 + length;
    }
    this.#received = at === input.length ? NOTHING : input.slice(at);
    if (windowGrew) this.onWritable();
  }

  /** Returns whether more may be sent than before. */
  #onFrame(type: number, flags: number, id: number, payload: Uint8Array): boolean {
    switch (type) {
      case DATA:
        this.#onData(id, payload);
        if (flags & END_STREAM) this.#end(id);
        return false;
      case HEADERS:
        if (flags & END_STREAM) this.#end(id);
        return false;
      case RST_STREAM:
        this.#failCall(id, new Error(`the server reset the stream with code ${readUint32(payload, 0)}`));
        return false;
      case SETTINGS:
        if (flags & ACK) return false;
        this.#onSettings(payload);
        return true;
      case PING:
        if (!(flags & ACK)) this.#send(frame(PING, ACK, 0, payload.slice()));
        return false;
      case GOAWAY: {
        const why = new TextDecoder().decode(payload.subarray(8));
        if (readUint32(payload, 4) !== 0) this.#fail(new Error(`GOAWAY with code ${readUint32(payload, 4)}: ${why}`));
        return false;
      }
      case WINDOW_UPDATE: {
        const more = readUint32(payload, 0) & 0x7fffffff;
        const call = this.#calls.get(id);
        if (id === 0) this.#sendWindow += more;
        else if (call !== undefined) call.sendWindow += more;
        return true;
      }
      default:
        return false;
    }
  }

  #onSettings(payload: Uint8Array): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (((payload[at] << 8) | payload[at + 1]) !== SETTING_INITIAL_WINDOW) continue;
      const window = readUint32(payload, at + 2);
      for (const call of this.#calls.values()) call.sendWindow += window - this.#initialSendWindow;
      this.#initialSendWindow = window;
    }
    this.#send(frame(SETTINGS, ACK, 0, NOTHING));
    this.#settled.resolve();
  }

  #onData(id: number, payload: Uint8Array): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#unreported += payload.length;
    if (this.#unreported > 2 ** 29) {
      this.#send(frame(WINDOW_UPDATE, 0, 0, uint32(this.#unreported)));
      this.#unreported = 0;
    }
    const bytes = call.partial.length === 0 ? payload : concat([call.partial, payload]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const length = readUint32(bytes, at + 1);
      if (bytes.length - at - 5 < length) break;
      call.handlers.onMessage(bytes.subarray(at + 5, at + 5 + length));
      at += 5 + length;
    }
    call.partial = at === bytes.length ? NOTHING : bytes.slice(at);
  }

  #end(id: number): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.handlers.onEnd();
  }

  #failCall(id: number, error: Error): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.handlers.onError(error);
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settled.reject(error);
    for (const id of [...this.#calls.keys()]) this.#failCall(id, error);
  }
}

/** Literal fields without indexing, names from HPACK's static table where it has them. */
function requestHeaders(path: string, authority: string): Uint8Array {
  const text = (value: string) => {
    const bytes = new TextEncoder().encode(value);
    return concat([Uint8Array.of(bytes.length), bytes]);
  };
  return concat([
    Uint8Array.of(0x83, 0x86),
    Uint8Array.of(0x04),
    text(path),
    Uint8Array.of(0x01),
    text(authority),
    Uint8Array.of(0x0f, 0x10),
    text("application/grpc"),
    Uint8Array.of(0x00),
    text("te"),
    text("trailers"),
  ]);
}

function setting(key: number, value: number): Uint8Array {
  return concat([Uint8Array.of(key >>> 8, key & 0xff), uint32(value)]);
}

function frame(type: number, flags: number, id: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = Uint8Array.of(length >>> 16, (length >>> 8) & 0xff, length & 0xff, type, flags);
  return concat([head, uint32(id), payload]);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts as Uint8Array[]));
}
