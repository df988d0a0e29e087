/**
 * The process that subscribes: `bun reader.ts CONFIG_JSON`. Says {"ready":true} when every subscription has its first
 * answer, counts what comes after a line came in. Readers that do not read stay until they are killed.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { MetricSubscriptionSchema, UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { Http2Client } from "./http2-client.ts";

export interface SubscriptionConfig {
  readonly metrics: readonly string[];
  readonly filters?: Readonly<Record<string, string>>;
  /** Without: on change. */
  readonly intervalMs?: number;
}

export interface ReaderConfig {
  readonly address: string;
  readonly subscriptions: readonly SubscriptionConfig[];
  readonly connections: number;
  /**
   * "all"; "window": takes what the first window of a stream holds and allows no more; "socket": does not even read from
   * the connection.
   */
  readonly reads: "all" | "window" | "socket";
  readonly durationMs: number;
}

export interface ReaderResult {
  readonly updates: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
}

const config = JSON.parse(process.argv[2]) as ReaderConfig;
const { subscriptions, reads } = config;
let updates = 0;
let bytes = 0;
let unanswered = subscriptions.length;
const answered = Promise.withResolvers<void>();

const clients = await Promise.all(
  Array.from({ length: config.connections }, () => Http2Client.connect(config.address, { reads: reads === "all" })),
);
subscriptions.forEach(({ metrics, filters, intervalMs }, i) => {
  const client = clients[i % clients.length];
  let isFirst = true;
  const id = client.call("/analytics.Dashboard/SubscribeMetrics", {
    onMessage(message) {
      updates++;
      bytes += message.length;
      if (isFirst && --unanswered === 0) answered.resolve();
      isFirst = false;
    },
    onEnd: () => fail(`subscription ${i} was ended by the server`),
    onError: (error) => fail(`subscription ${i} failed: ${error.message}`),
  });
  const request = create(MetricSubscriptionSchema, {
    metricNames: [...metrics],
    filters: { ...filters },
    mode: intervalMs === undefined ? UpdateMode.ON_CHANGE : UpdateMode.INTERVAL,
    updateIntervalMs: intervalMs ?? 0,
  });
  client.sendMessage(id, toBinary(MetricSubscriptionSchema, request), true);
});

function fail(sentence: string): void {
  // A reader that does not read is meant to be cut off.
  if (reads === "all") {
    console.error(sentence);
    process.exit(1);
  } else console.log(JSON.stringify({ ended: sentence }));
}

if (reads === "socket") for (const client of clients) client.pause();
else if (reads === "all") await answered.promise;
console.log(JSON.stringify({ ready: true }));
const lines = console[Symbol.asyncIterator]();
if ((await lines.next()).done) process.exit(1);
void lines.next().then(() => process.exit(1));

updates = 0;
bytes = 0;
const startCpu = process.cpuUsage();
await Bun.sleep(config.durationMs);
const { user, system } = process.cpuUsage(startCpu);
const result: ReaderResult = { updates, bytes, cpuSeconds: (user + system) / 1e6 };
console.log(JSON.stringify({ result }));
process.exit(0);
