/** Streams to the upstream over gRPC, each on a connection of its own: two bulk writers on one would slow each other. */
import { Client, compressionAlgorithms, credentials, Metadata, type ChannelCredentials } from "@grpc/grpc-js";
import { WatchpostError } from "../../model/errors.ts";
import { errorOf } from "../../wire/call-error.ts";
import { DataIngestion } from "../../wire/gen/ingestion_pb.ts";
import type { EventCall } from "./event-calls.ts";
import type { LaneCall, OpenLane } from "./lane.ts";

/** How the upstream is reached. */
export interface UpstreamAccess {
  readonly address: string;
  /** PEM; null: without TLS. */
  readonly tls: { readonly ca: Buffer | null; readonly key: Buffer | null; readonly cert: Buffer | null } | null;
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

export function grpcLanes(access: UpstreamAccess): OpenLane {
  return (_name, events): LaneCall => {
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

/** Calls with one answer, each on its own; `close` ends those there are. */
export function grpcCalls(access: UpstreamAccess): { call(call: EventCall): Promise<void>; close(): void } {
  const client = clientOf(access);
  const call = ({ method, request }: EventCall) =>
    new Promise<void>((resolve, reject) => {
      const path = `/${method.parent.typeName}/${method.name}`;
      const options = { deadline: Date.now() + CALL_MS_MAX };
      client.makeUnaryRequest(path, identity, same, request, metadataOf(access), options, (error) => {
        if (error) reject(errorOf(error));
        else resolve();
      });
    });
  return { call, close: () => client.close() };
}

/** Connects with the first call. To be closed. */
function clientOf({ address, tls, gzip }: UpstreamAccess): Client {
  return new Client(address, credentialsOf(tls), {
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

function credentialsOf(tls: UpstreamAccess["tls"]): ChannelCredentials {
  return tls === null ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert);
}
