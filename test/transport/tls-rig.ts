/** Both transports with one certificate, over methods that say what a test wants of them. */
import { create, toBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import type { LogFields, Logger } from "../../src/model/logger.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { CertificateSource } from "../../src/transport/certificate-source.ts";
import { startGrpcServer, type GrpcLimits, type TransportServer } from "../../src/transport/grpc-server.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import type { CertificateFiles } from "../../src/transport/server-certificate.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard, DashboardDataSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { rawServerStreaming, unary, type CallContext, type MethodImpl } from "../../src/wire/service.ts";
import { OPEN, openGate } from "../support/open-gate.ts";

const RECEIVED_BYTES_MAX = 64 * 1024 * 1024;
const TICK_MS = 20;

export interface TlsRig extends AsyncDisposable {
  readonly grpc: TransportServer;
  readonly web: TransportServer;
  readonly source: CertificateSource;
  /** Of each call, as it came. */
  readonly contexts: CallContext[];
  readonly log: string[];
}

export interface TlsRigOptions {
  readonly files: CertificateFiles;
  readonly isRequired?: boolean;
  readonly hasHttp2?: boolean;
  readonly methods?: readonly MethodImpl[];
  readonly limits?: GrpcLimits;
}

export async function startTlsRig({
  files,
  isRequired = true,
  hasHttp2 = true,
  methods,
  limits = {},
}: TlsRigOptions): Promise<TlsRig> {
  const log: string[] = [];
  const logger = loggerInto(log);
  const source = await CertificateSource.open(files, { clock: systemClock, logger });
  const contexts: CallContext[] = [];
  const shared = {
    methods: methods ?? toyMethods(contexts),
    health: new HealthState(),
    received: new ReceivedBytes(RECEIVED_BYTES_MAX),
    tls: { source, hasHttp2, isClientCertificateRequired: isRequired && files.clientCa !== undefined },
  };
  shared.health.serve();
  const grpc = await startGrpcServer({ ...shared, limits, gate: openGate, address: "localhost:0" });
  const web = await startWebServer({
    ...shared,
    ...OPEN,
    address: "127.0.0.1:0",
    origins: [],
    metricsText: async () => "some_total 1\n",
  });
  const dispose = async () => {
    source.close();
    await Promise.all([grpc.drain(0), web.drain(0)]);
  };
  return { grpc, web, source, contexts, log, [Symbol.asyncDispose]: dispose };
}

export function loggerInto(lines: string[]): Logger {
  const add = (level: string) => (_fields: LogFields, message: string) => void lines.push(`${level}: ${message}`);
  return { debug: add("debug"), info: add("info"), warn: add("warn"), error: add("error") };
}

/** `SubscribeMetrics` ticks until its client leaves, `QueryRange` answers at once. */
function toyMethods(contexts: CallContext[]): MethodImpl[] {
  async function* ticks(_request: unknown, context: CallContext) {
    contexts.push(context);
    for (let value = 1; !context.signal.aborted; value++) {
      yield toBinary(DashboardDataSchema, create(DashboardDataSchema, { metrics: [{ name: "m:s", value }] }));
      await Bun.sleep(TICK_MS);
    }
  }
  return [
    rawServerStreaming(Dashboard.method.subscribeMetrics, ticks),
    unary(Dashboard.method.queryRange, async (_request, context) => {
      contexts.push(context);
      return { pointsTotal: 7n };
    }),
  ];
}

/** What a new connection is shown: the common name of the certificate, and the protocol that was agreed on. */
export async function shownBy(address: string, ca: string): Promise<{ commonName: string; protocol: string | false }> {
  const socket = await tlsSocket(address, ca);
  const commonName = String(socket.getPeerCertificate().subject.CN);
  const protocol = socket.alpnProtocol ?? false;
  socket.destroy();
  return { commonName, protocol };
}

export async function tlsSocket(address: string, ca: string): Promise<TLSSocket> {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  const options = { host: "127.0.0.1", port, servername: "localhost", ca: readFileSync(ca) };
  const socket = connect({ ...options, ALPNProtocols: ["h2", "http/1.1"] });
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).on("error", reject));
  return socket;
}

/** Output of a program, which may have failed. */
export async function outputOf(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return stdout + stderr;
}
