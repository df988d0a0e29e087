/** Streams to the upstream over gRPC, each on a connection of its own: two bulk writers on one would slow each other. */
import { Client, compressionAlgorithms, Metadata } from "@grpc/grpc-js";
import { WatchpostError } from "../../model/errors.ts";
import { errorOf } from "../../wire/call-error.ts";
import { channelCredentials, type ClientTls } from "../../wire/channel-credentials.ts";
import { isLastingFault } from "../../wire/connect-fault.ts";
import { DataIngestion } from "../../wire/gen/ingestion_pb.ts";
import type { EventCall } from "./event-calls.ts";
import type { LaneCall, OpenLane } from "./lane.ts";

/** How the upstream is reached. */
export interface UpstreamAccess {
  readonly address: string;
  /** Undefined: without TLS. */
  readonly tls: ClientTls | undefined;
  /** Sent as a bearer token; "": none is. */
  readonly token: string;
  readonly gzip: boolean;
}

const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;
const ACK_BYTES_MAX = 16 * 1024 * 1024;
const PATH = `/${DataIngestion.typeName}/StreamData`;

const identity = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const same = (bytes: Buffer): Uint8Array => bytes;

/** `accessOf` is asked for each connection: files that it reads may have changed. What it throws the lane ends with. */
export function grpcLanes(accessOf: () => UpstreamAccess): OpenLane {
  return (_name, events): LaneCall => {
    const access = accessOf();
    const client = clientOf(access);
    const call = client.makeBidiStreamRequest(PATH, identity, same, metadataOf(access));
    call.on("data", (message: Uint8Array) => events.onMessage(message));
    call.on("drain", () => events.onDrain());
    call.on("error", (error) => events.onEnd(errorOf(error)));
    call.on("end", () => events.onEnd(new WatchpostError("UNAVAILABLE", "the upstream has ended the stream")));
    return {
      write: (message) => call.write(message),
      close() {
        call.cancel();
        client.close();
      },
    };
  };
}

const CALL_MS_MAX = 30_000;

/**
 * Calls with one answer, each on its own; `close` ends those there are. After one that failed the next has a connection of its
 * own, with what `accessOf` answers then.
 */
export function grpcCalls(accessOf: () => UpstreamAccess): { call(call: EventCall): Promise<void>; close(): void } {
  let current: CallClient | undefined;
  const call = async ({ method, request }: EventCall) => {
    let used: CallClient;
    try {
      used = current ??= new CallClient(accessOf());
    } catch (error) {
      throw unreached(errorOf(error));
    }
    try {
      await used.call(`/${method.parent.typeName}/${method.name}`, request);
    } catch (error) {
      if (current === used) current = undefined;
      used.closeWhenDone();
      throw error;
    }
  };
  return { call, close: () => current?.close() };
}

/** Without a connection nobody has refused anything: the call is to be made again, whatever has to be changed before. */
function heardOf(error: WatchpostError): WatchpostError {
  return isLastingFault(error.message) ? unreached(error) : error;
}

function unreached({ message }: WatchpostError): WatchpostError {
  return new WatchpostError("UNAVAILABLE", message);
}

class CallClient {
  readonly #client: Client;
  readonly #access: UpstreamAccess;
  #underway = 0;
  #isLeft = false;

  constructor(access: UpstreamAccess) {
    this.#access = access;
    this.#client = clientOf(access);
  }

  async call(path: string, request: Uint8Array): Promise<void> {
    const options = { deadline: Date.now() + CALL_MS_MAX };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#underway++;
    this.#client.makeUnaryRequest(path, identity, same, request, metadataOf(this.#access), options, (error) => {
      this.#underway--;
      if (error) reject(heardOf(errorOf(error)));
      else resolve();
      if (this.#isLeft) this.closeWhenDone();
    });
    return promise;
  }

  closeWhenDone(): void {
    this.#isLeft = true;
    if (this.#underway === 0) this.close();
  }

  close(): void {
    this.#client.close();
  }
}

/** Connects with the first call. To be closed. */
function clientOf({ address, tls, gzip }: UpstreamAccess): Client {
  return new Client(address, channelCredentials(tls), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": ACK_BYTES_MAX,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 0,
    ...(gzip && { "grpc.default_compression_algorithm": compressionAlgorithms.gzip }),
  });
}

function metadataOf({ token }: UpstreamAccess): Metadata {
  const metadata = new Metadata();
  if (token !== "") metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}
