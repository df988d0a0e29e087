import { startGrpcServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import type { MethodImpl } from "../../src/wire/service.ts";
import { openGate } from "./open-gate.ts";

const RECEIVED_BYTES_MAX = 64 * 1024 * 1024;

/** A gRPC server of methods that say what a test wants of them. */
export async function startToyServer(methods: MethodImpl[]): Promise<{ readonly address: string } & AsyncDisposable> {
  const server = await startGrpcServer({
    gate: openGate,
    address: "127.0.0.1:0",
    methods,
    health: new HealthState(),
    received: new ReceivedBytes(RECEIVED_BYTES_MAX),
  });
  return { address: server.address, [Symbol.asyncDispose]: () => server.drain(0) };
}
