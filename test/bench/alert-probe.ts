/**
 * A client in its own process: sends points that make alerts fire and clear, and waits for these on a subscription.
 * `bun alert-probe.ts CONFIG_JSON`. The server has a rule `quiet`: quiet_* above 0.5.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Client, credentials } from "@grpc/grpc-js";
import { AlertSchema, AlertSubscriptionSchema } from "../../src/wire/gen/alerts_pb.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";

export interface AlertProbeConfig {
  readonly address: string;
  readonly series: number;
  /** Between two points of a series. */
  readonly everyMs: number;
  readonly durationMs: number;
}

export interface AlertProbeResult {
  readonly sent: number;
  /** From the write of the point to the alert. */
  readonly alertMs: readonly number[];
}

const config = JSON.parse(process.argv[2]) as AlertProbeConfig;
const options = { "grpc.use_local_subchannel_pool": 1 };
const uploads = new Client(config.address, credentials.createInsecure(), options);
const reads = new Client(config.address, credentials.createInsecure(), options);
const same = (bytes: Buffer) => bytes;

/** Those that were not heard of yet, in order: after a stall there may be several. */
const sentAtMs = new Map<string, number[]>();
const alertMs: number[] = [];

const request = Buffer.from(toBinary(AlertSubscriptionSchema, create(AlertSubscriptionSchema, { rules: ["quiet"] })));
const alerts = reads.makeServerStreamRequest("/analytics.Alerts/SubscribeAlerts", same, same, request);
alerts.on("data", (bytes: Buffer) => {
  const nowMs = performance.now();
  const metric = fromBinary(AlertSchema, bytes).context["metric"];
  const atMs = sentAtMs.get(metric)?.shift();
  if (atMs === undefined) return;
  alertMs.push(nowMs - atMs);
});
alerts.on("error", fail);

const upload = uploads.makeBidiStreamRequest("/analytics.DataIngestion/StreamData", same, same);
upload.on("data", () => {});
upload.on("error", fail);

let sent = 0;
function send(series: number, value: number): void {
  const metric = `quiet_${series}`;
  const batch = create(BatchDataSchema, {
    source: "quiet",
    points: [{ metricName: metric, value, timestamp: timestampFromMs(Date.now()) }],
  });
  const bytes = Buffer.from(toBinary(BatchDataSchema, batch));
  if (value === 1) {
    sent++;
    const waiting = sentAtMs.get(metric);
    if (waiting === undefined) sentAtMs.set(metric, [performance.now()]);
    else waiting.push(performance.now());
  }
  upload.write(bytes);
}

function fail(error: Error): void {
  console.error(`the alert probe failed: ${error.message}`);
  process.exit(1);
}

for (let i = 0; i < config.series; i++) send(i, 1);
await Bun.sleep(500);
for (let i = 0; i < config.series; i++) send(i, 0);
await Bun.sleep(500);
[alertMs.length, sent] = [0, 0];
console.log(JSON.stringify({ ready: true }));
const lines = console[Symbol.asyncIterator]();
if ((await lines.next()).done) process.exit(1);
void lines.next().then(() => process.exit(1));

const endMs = performance.now() + config.durationMs;
await Promise.all(
  Array.from({ length: config.series }, async (_, series) => {
    await Bun.sleep((config.everyMs * series) / config.series);
    for (let value = 1; performance.now() < endMs; value = 1 - value) {
      send(series, value);
      await Bun.sleep(config.everyMs * (0.9 + 0.2 * Math.random()));
    }
  }),
);
await Bun.sleep(1_000);
const result: AlertProbeResult = { sent, alertMs };
console.log(JSON.stringify({ result }));
process.exit(0);
