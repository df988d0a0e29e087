/** A gateway with a backlog, and an upstream on the same machine: how fast it drains, and how long live points take meanwhile. */
import { join } from "node:path";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { getDelivery } from "../../src/client/delivery.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { sendHistory } from "./ingest-load.ts";
import { cpuSeconds, percentile, rssPeakBytes } from "./measure.ts";
import { awaitRest, startWatchpost, type WatchpostServer } from "./server-process.ts";

const SERIES = 1_000;
const POINTS = 10_000_000;
const QUICK_POINTS = 2_000_000;
const LIVE_EVERY_MS = 20;

export const drainRow: BenchRow = {
  name: "drain",
  about: "a backlog of 10 million points to an upstream on the same machine, live points meanwhile",
  run,
};

interface Drained {
  readonly pointsPerSecond: number;
  readonly liveMs: readonly number[];
  readonly bytesPerPoint: number;
  readonly cpuPerMillion: number;
  readonly rssPeakMb: number;
}

async function run({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const points = quick ? QUICK_POINTS : POINTS;
  const plain: Drained[] = [];
  const gzipped: Drained[] = [];
  for (let i = 0; i < runs; i++) {
    plain.push(await drain(points, false));
    gzipped.push(await drain(points, true));
    for (const [what, found] of [
      ["without gzip", plain[i]],
      ["with gzip", gzipped[i]],
    ] as const) {
      const rate = (found.pointsPerSecond / 1e6).toFixed(2);
      const p99 = percentile(found.liveMs, 99).toFixed(0);
      say(`${what}: ${rate} M points/s, live p99 ${p99} ms of ${found.liveMs.length}`);
    }
  }
  const rate = (found: Drained) => found.pointsPerSecond / 1e6;
  return [
    { what: "points/s", unit: "M/s", runs: plain.map(rate), bar: { sign: "≥", value: 1 } },
    {
      what: "live p99",
      unit: "ms",
      runs: plain.map(({ liveMs }) => percentile(liveMs, 99)),
      bar: { sign: "≤", value: 1_000 },
    },
    { what: "bytes a point", unit: "B", runs: plain.map(({ bytesPerPoint }) => bytesPerPoint) },
    { what: "CPU of both", unit: "s/M points", runs: plain.map(({ cpuPerMillion }) => cpuPerMillion) },
    { what: "peak RSS of the gateway", unit: "MB", runs: plain.map(({ rssPeakMb }) => rssPeakMb) },
    { what: "gzip points/s", unit: "M/s", runs: gzipped.map(rate) },
    { what: "gzip live p99", unit: "ms", runs: gzipped.map(({ liveMs }) => percentile(liveMs, 99)) },
    { what: "gzip CPU of both", unit: "s/M points", runs: gzipped.map(({ cpuPerMillion }) => cpuPerMillion) },
  ];
}

async function drain(points: number, gzip: boolean): Promise<Drained> {
  const dir = tempDir("drain");
  const data = join(dir, "edge");
  try {
    const filled = await startWatchpost({ data });
    await sendHistory({ kind: "upload", address: filled.grpc }, { series: SERIES, durationMs: 600_000, points });
    await filled.stop();
    const centre = await startWatchpost({ data: join(dir, "centre") });
    await awaitRest(centre);
    const env = { WATCHPOST_UPSTREAM_ADDRESS: centre.grpc, WATCHPOST_UPSTREAM_GZIP: String(gzip) };
    const cpuBefore = centre.cpu();
    const edge = await startWatchpost({ data, env });
    const startedMs = performance.now();
    const live = sendLive(edge, centre);
    const connection = new Connection(edge.grpc);
    for (;;) {
      await Bun.sleep(100);
      const [{ queuedPoints, sources }] = (await getDelivery(connection)).upstreams;
      const acked = sources.reduce((sum, { ackedPoints }) => sum + Number(ackedPoints), 0);
      // Live points are always on their way.
      if (acked >= points && Number(queuedPoints) < 1_000) break;
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const liveMs = await live.stop();
    connection.close();
    const cpu = centre.cpu() - cpuBefore + cpuSeconds(edge.pid);
    const bytes = await bytesSent(edge);
    const rssPeakMb = rssPeakBytes(edge.pid) / 1e6;
    await Promise.all([edge.stop(), centre.stop()]);
    return {
      ...{ liveMs, rssPeakMb },
      pointsPerSecond: points / seconds,
      bytesPerPoint: bytes / points,
      cpuPerMillion: cpu / (points / 1e6),
    };
  } finally {
    removeDir(dir);
  }
}

async function bytesSent({ http }: WatchpostServer): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  const sent = [...text.matchAll(/^watchpost_upstream_bytes_total\{[^}]*\} (\d+)$/gm)];
  return sent.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** A point now and then to the gateway; how long until a subscription at the centre shows it. */
function sendLive(edge: WatchpostServer, centre: WatchpostServer) {
  const [up, down] = [new Connection(edge.grpc), new Connection(centre.grpc)];
  const over = new AbortController();
  const sentMs = new Map<number, number>();
  const took: number[] = [];
  const reading = (async () => {
    const request = { metricNames: ["probe"], mode: UpdateMode.ON_CHANGE };
    for await (const { metrics } of subscribe(down, request, { signal: over.signal })) {
      for (const { value } of metrics) {
        // One that is shown tells of those before it.
        for (const [sent, atMs] of sentMs) {
          if (sent > value) continue;
          sentMs.delete(sent);
          took.push(performance.now() - atMs);
        }
      }
    }
  })();
  const call = up.bidiStream(DataIngestion.method.streamData);
  call.on("data", () => {});
  call.on("error", () => {});
  let number = 0;
  const timer = setInterval(() => {
    const point = { metric: "probe", value: ++number, timeUs: Date.now() * 1_000, tags: {} };
    sentMs.set(number, performance.now());
    call.write(encodeBatch([point], "probe").bytes);
  }, LIVE_EVERY_MS);
  return {
    async stop(): Promise<number[]> {
      clearInterval(timer);
      for (let i = 0; i < 50 && sentMs.size > 0; i++) await Bun.sleep(100);
      for (const atMs of sentMs.values()) took.push(performance.now() - atMs);
      over.abort();
      call.cancel();
      await reading;
      up.close();
      down.close();
      return took;
    },
  };
}
