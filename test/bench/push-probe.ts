/**
 * A client as anybody would write one, in its own process: sends a point of a quiet series now and then, and waits for
 * it to come back on an on-change subscription. `bun push-probe.ts CONFIG_JSON`.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Client, credentials } from "@grpc/grpc-js";
import { DashboardDataSchema, MetricSubscriptionSchema, UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { BatchAckSchema, BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";

export interface ProbeConfig {
  readonly address: string;
  /** Where they are pushed; left out: there, too. */
  readonly readAddress?: string;
  /** Quiet series, each with its own subscription. */
  readonly series: number;
  /** Between two points of a series. More than the time for which changes are gathered after a push. */
  readonly everyMs: number;
  readonly durationMs: number;
}

export interface ProbeResult {
  readonly sent: number;
  readonly pushMs: readonly number[];
  readonly ackMs: readonly number[];
}

const config = JSON.parse(process.argv[2]) as ProbeConfig;
const options = { "grpc.use_local_subchannel_pool": 1 };
const uploads = new Client(config.address, credentials.createInsecure(), options);
const reads = new Client(config.readAddress ?? config.address, credentials.createInsecure(), options);
const same = (bytes: Buffer) => bytes;

const sentAtMs = new Map<string, number>();
const pushMs: number[] = [];
const ackMs: number[] = [];

for (let i = 0; i < config.series; i++) {
  const request = create(MetricSubscriptionSchema, { metricNames: [metricOf(i)], mode: UpdateMode.ON_CHANGE });
  const path = "/analytics.Dashboard/SubscribeMetrics";
  const call = reads.makeServerStreamRequest(
    path,
    same,
    same,
    Buffer.from(toBinary(MetricSubscriptionSchema, request)),
  );
  call.on("data", (bytes: Buffer) => {
    const nowMs = performance.now();
    for (const { metric, value, stale } of fromBinary(DashboardDataSchema, bytes).metrics) {
      const atMs = sentAtMs.get(`${metric}=${value}`);
      if (atMs === undefined || stale) continue;
      sentAtMs.delete(`${metric}=${value}`);
      pushMs.push(nowMs - atMs);
    }
  });
  call.on("error", fail);
}

const upload = uploads.makeBidiStreamRequest("/analytics.DataIngestion/StreamData", same, same);
const unacked: number[] = [];
let acked = 0;
upload.on("data", (bytes: Buffer) => {
  const batches = Number(fromBinary(BatchAckSchema, bytes).batches);
  for (; acked < batches; acked++) ackMs.push(performance.now() - unacked.shift()!);
});
upload.on("error", fail);

let sent = 0;
function send(series: number): void {
  const metric = metricOf(series);
  const value = ++sent;
  const batch = create(BatchDataSchema, {
    source: "quiet",
    points: [
      { metricName: metric, value, tags: { device: `quiet-${series}` }, timestamp: timestampFromMs(Date.now()) },
    ],
  });
  const bytes = Buffer.from(toBinary(BatchDataSchema, batch));
  const nowMs = performance.now();
  sentAtMs.set(`${metric}=${value}`, nowMs);
  unacked.push(nowMs);
  upload.write(bytes);
}

function metricOf(series: number): string {
  return `quiet_${series}`;
}

function fail(error: Error): void {
  console.error(`the push probe failed: ${error.message}`);
  process.exit(1);
}

// One of each before the measurement: connections and code are warm then.
for (let i = 0; i < config.series; i++) send(i);
await Bun.sleep(500);
pushMs.length = 0;
ackMs.length = 0;
console.log(JSON.stringify({ ready: true }));
const lines = console[Symbol.asyncIterator]();
if ((await lines.next()).done) process.exit(1);
void lines.next().then(() => process.exit(1));

const sentBefore = sent;
const endMs = performance.now() + config.durationMs;
await Promise.all(
  Array.from({ length: config.series }, async (_, series) => {
    await Bun.sleep((config.everyMs * series) / config.series);
    while (performance.now() < endMs) {
      send(series);
      await Bun.sleep(config.everyMs * (0.9 + 0.2 * Math.random()));
    }
  }),
);
await Bun.sleep(1_000);
const result: ProbeResult = { sent: sent - sentBefore, pushMs, ackMs };
console.log(JSON.stringify({ result }));
process.exit(0);
