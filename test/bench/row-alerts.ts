/** Alerts: from a point to its alert, what rules cost ingest, what firing alerts take, and a storm of them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { AlertSchema, AlertSubscriptionSchema } from "../../src/wire/gen/alerts_pb.ts";
import type { AlertProbeConfig, AlertProbeResult } from "./alert-probe.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { median, percentile, rssBytes, rssPeakBytes } from "./measure.ts";
import { startChild, startSenders } from "./sender-process.ts";
import { awaitRest, startWatchpost, type WatchpostServer } from "./server-process.ts";
import { StormReceiver } from "./storm-receiver.ts";

const [SERIES, RULES] = [100_000, 10_000];
const RATE = 100_000;
const STORM_ALERTS = 20_000;
/** Points of the mixed load move on so far with each pass over the series: no faster than time. */
const PASS_US = 20_000;

export const alertsRow: BenchRow = {
  name: "alerts",
  about: "a point to its alert under 100,000 points/s; ingest under 10,000 rules; 100,000 firing; a storm of 20,000",
  async run(options) {
    const findings: Finding[] = [];
    for (const measure of [latency, rules, firing, storm]) findings.push(...(await measure(options)));
    return findings;
  },
};

/** A server with rules, over an empty directory. */
async function withServer<T>(rulesYaml: string, run: (server: WatchpostServer) => Promise<T>): Promise<T> {
  const data = tempDir("alerts");
  try {
    const file = join(data, "rules.yaml");
    writeFileSync(file, rulesYaml);
    const server = await startWatchpost({ data: join(data, "data"), env: { WATCHPOST_ALERTS_RULES_FILE: file } });
    try {
      return await run(server);
    } finally {
      await server.stop();
    }
  } finally {
    removeDir(data);
  }
}

async function latency({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const [p50, p99]: number[][] = [[], []];
  for (let i = 0; i < runs; i++) {
    const yaml = 'rules: [{name: quiet, metric: "quiet_*", condition: {threshold: {above: 0.5}}}]';
    await withServer(yaml, async (server) => {
      const durationMs = quick ? 8_000 : 30_000;
      const senders = await startSenders(
        {
          kind: "stream",
          address: server.grpc,
          messagePoints: 1_000,
          rate: RATE,
          durationMs: durationMs + 4_000,
          startUs: Date.now() * 1_000,
          stepUs: (1_000 / RATE) * 1e6,
          batchesInFlightMax: 100,
        },
        1_000,
        1,
      );
      const config: AlertProbeConfig = { address: server.grpc, series: 5, everyMs: 40, durationMs };
      const probe = startChild<AlertProbeResult>("alert-probe.ts", config);
      await probe.ready;
      const load = senders.run();
      await Bun.sleep(1_500);
      probe.go();
      const { sent, alertMs } = await probe.result;
      await load;
      if (alertMs.length < sent) say(`${sent - alertMs.length} of ${sent} alerts did not come`);
      p50.push(percentile(alertMs, 50));
      p99.push(percentile(alertMs, 99));
      say(
        `${sent} alerts: p50 ${p50[i].toFixed(2)}, p99 ${p99[i].toFixed(2)}, max ${percentile(alertMs, 100).toFixed(2)} ms`,
      );
    });
  }
  return [
    { what: "point to alert p50", unit: "ms", runs: p50 },
    { what: "point to alert p99", unit: "ms", runs: p99, bar: { sign: "≤", value: 10 } },
  ];
}

const CONDITIONS = [
  "threshold: {above: 1000}",
  "ladder: {steps: [{severity: medium, above: 1000}, {severity: high, above: 2000}]}",
  "range: {low: -1000, high: 1000, outside: true}",
  "window: {function: avg, over: 60s, above: 1000}",
  "window: {function: max, over: 60s, above: 1000}",
  "window: {function: p95, over: 60s, above: 1000}",
  "rate: {over: 60s, above: 1000}",
  "n_of_m: {n: 3, m: 5, above: 1000}",
  "stuck: {over: 60s, epsilon: 0}",
  "deviation: {sigmas: 1000}",
];

/** One rule for each device, which has ten series. */
function mixedRules(): string {
  const rules = Array.from({ length: RULES }, (_, i) => {
    const device = `dev-${String(i).padStart(6, "0")}`;
    return `  - {name: rule-${i}, metric: "*", where: ["device=${device}"], condition: {${CONDITIONS[i % CONDITIONS.length]}}}`;
  });
  return `rules:\n${rules.join("\n")}\n`;
}

async function rules({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const [without, under]: number[][] = [[], []];
  for (let i = 0; i < runs; i++) {
    for (const [yaml, found] of [
      ["rules: []", without],
      [mixedRules(), under],
    ] as const) {
      await withServer(yaml, async (server) => {
        const senders = await startSenders(
          {
            kind: "upload",
            address: server.grpc,
            messagePoints: 5_000,
            startUs: Date.now() * 1_000,
            stepUs: PASS_US,
            durationMs: quick ? 6_000 : 20_000,
          },
          SERIES,
          2,
        );
        const { points, seconds, refused } = await senders.run();
        if (refused > 0) throw new Error(`${refused} points were refused; wanted none`);
        found.push(points / seconds / 1e6);
        say(`${yaml.length > 100 ? `${RULES} rules` : "no rules"}: ${found[i].toFixed(2)} M points/s`);
      });
    }
  }
  const cost = (1 - median(under) / median(without)) * 100;
  return [
    { what: "points/s without rules, 100,000 series", unit: "M/s", runs: without },
    { what: "points/s under 10,000 mixed rules", unit: "M/s", runs: under },
    { what: "what the rules take of ingest", unit: "%", runs: [cost], bar: { sign: "≤", value: 30 } },
  ];
}

async function firing(): Promise<Finding[]> {
  return withServer('rules: [{name: all, metric: "*", condition: {threshold: {above: 0}}}]', async (server) => {
    const senders = await startSenders(
      {
        kind: "upload",
        address: server.grpc,
        messagePoints: 5_000,
        startUs: Date.now() * 1_000,
        stepUs: PASS_US,
        points: 2 * SERIES,
      },
      SERIES,
      1,
    );
    await senders.run();
    const found = await awaitActive(server, SERIES);
    await awaitRest(server);
    const [rssMb, peakMb] = [rssBytes(server.pid) / 1e6, rssPeakBytes(server.pid) / 1e6];
    say(`${found} alerts are active, RSS ${rssMb.toFixed(0)} MB, ${peakMb.toFixed(0)} at most`);
    return [
      { what: "RSS at 100,000 firing alerts", unit: "MB", runs: [rssMb], bar: { sign: "≤", value: 300 } },
      { what: "RSS while they fired, at most", unit: "MB", runs: [peakMb] },
    ];
  });
}

async function awaitActive(server: WatchpostServer, wanted: number): Promise<number> {
  let found = 0;
  for (let i = 0; i < 120 && found < wanted; i++) {
    await Bun.sleep(500);
    const { rules: all = [] } = await call<{ rules?: { firing?: string }[] }>(server, "ListRules", {});
    found = Number(all[0]?.firing ?? 0);
  }
  if (found < wanted) throw new Error(`${found} alerts fire; wanted ${wanted}`);
  return found;
}

async function storm(): Promise<Finding[]> {
  using receiver = new StormReceiver();
  const yaml = `rules: [{name: storm, metric: "*", condition: {threshold: {above: 0}}}]\n${receiver.sections}`;
  return await withServer(yaml, async (server) => {
    const senders = await startSenders(
      {
        kind: "stream",
        address: server.grpc,
        messagePoints: 100,
        rate: STORM_ALERTS / 10,
        points: STORM_ALERTS,
        startUs: Date.now() * 1_000,
        stepUs: PASS_US,
        batchesInFlightMax: 100,
      },
      STORM_ALERTS,
      1,
    );
    const client = new Client(server.grpc, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    const request = Buffer.from(toBinary(AlertSubscriptionSchema, create(AlertSubscriptionSchema, { updates: true })));
    const stream = client.makeServerStreamRequest("/analytics.Alerts/SubscribeAlerts", same, same, request);
    const seen = new Set<string>();
    stream.on("data", (bytes: Buffer) => seen.add(fromBinary(AlertSchema, bytes).id));
    stream.on("error", () => {});
    const load = senders.run();
    const listMs: number[] = [];
    let done = false;
    void load.then(() => (done = true));
    while (!done) {
      const startMs = performance.now();
      await call(server, "ListAlerts", { limit: 100 });
      listMs.push(performance.now() - startMs);
      await Bun.sleep(50);
    }
    for (let i = 0; i < 100 && seen.size <= STORM_ALERTS; i++) await Bun.sleep(50);
    stream.cancel();
    client.close();
    // One of them is the mark that ends the snapshot.
    const alerts = seen.size - 1;
    say(`${alerts} alerts on the stream, list of 100 p99 ${percentile(listMs, 99).toFixed(1)} ms`);
    await receiver.told(STORM_ALERTS);
    return [
      { what: "alerts of a storm on the stream", unit: "", runs: [alerts], bar: { sign: "≥", value: STORM_ALERTS } },
      { what: "list of 100 in the storm, p99", unit: "ms", runs: [percentile(listMs, 99)] },
      ...receiver.findings(STORM_ALERTS),
    ];
  });
}

async function call<T>(server: WatchpostServer, method: string, request: object): Promise<T> {
  const response = await fetch(`http://${server.http}/analytics.Alerts/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(`${method} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
