/** Counts what arrives in gRPC calls before their handlers see it. */
import type { ServerInterceptor, StatusObject } from "@grpc/grpc-js";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { WatchpostError } from "../model/errors.ts";
import { widenConnection } from "./flow-control.ts";
import type { ReceivedBytes, ReceivedHolder } from "./received-bytes.ts";

/** What grpc-js keeps to itself of a call: messages are put together by the decoder, from the first byte on. */
interface BaseCall {
  readonly decoder: { write(data: Buffer): Buffer[]; readPartialMessage: Buffer[] };
  readonly stream: ServerHttp2Stream;
  sendStatus(status: Partial<StatusObject>): void;
}

export class GrpcReceiving {
  readonly #received: ReceivedBytes;
  readonly #statusOf: (error: WatchpostError) => StatusObject;
  readonly #incoming = new WeakMap<object, Incoming>();

  constructor(received: ReceivedBytes, statusOf: (error: WatchpostError) => StatusObject) {
    this.#received = received;
    this.#statusOf = statusOf;
  }

  readonly interceptor: ServerInterceptor = (_method, call) => {
    const base = call as unknown as BaseCall;
    widenConnection(base.stream);
    const holder = this.#received.holder((error) => {
      base.sendStatus(this.#statusOf(error));
      letGo(base);
    });
    this.#incoming.set(base, new Incoming(base, holder));
    return call as ReturnType<ServerInterceptor>;
  };

  /** `call` as grpc-js hands it to a handler. */
  of(call: object): Incoming {
    return this.#incoming.get((call as { readonly call: object }).call)!;
  }
}

/** Forgets what has arrived of a call that was given its status, and has its client send no more. */
function letGo({ decoder, stream }: BaseCall): void {
  decoder.readPartialMessage = [];
  decoder.write = () => [];
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
}

/** Messages of one call that were not taken yet, by their bytes. */
export class Incoming {
  readonly #holder: ReceivedHolder;
  /** Of whole messages; those before `#first` were taken, those before `#unpacked` may have been compressed. */
  #sizes: number[] = [];
  #first = 0;
  #unpacked = 0;

  constructor(base: BaseCall, holder: ReceivedHolder) {
    this.#holder = holder;
    const write = base.decoder.write.bind(base.decoder);
    base.decoder.write = (data) => {
      const messages = write(data);
      for (const message of messages) this.#sizes.push(message.length);
      holder.change(data.length);
      return messages;
    };
    base.stream.once("close", () => holder.close());
  }

  /** The next message as its handler gets it: of a compressed one this is more than has arrived. */
  unpacked(bytes: number): void {
    const at = this.#unpacked++;
    if (bytes <= this.#sizes[at]) return;
    this.#holder.change(bytes - this.#sizes[at]);
    this.#sizes[at] = bytes;
  }

  /** The oldest message is dealt with. */
  taken(): void {
    this.#holder.change(-this.#sizes[this.#first++]);
    if (this.#first < this.#sizes.length) return;
    this.#sizes = [];
    this.#first = this.#unpacked = 0;
  }
}
