/** What heavy queries, one after the other, take from those who upload and from those who watch. */
import { removeDir, tempDir } from "./cleanup.ts";
import { historyStartUs, say, type BenchRow, type Finding } from "./finding.ts";
import { sendHistory } from "./ingest-load.ts";
import { percentile } from "./measure.ts";
import { measurePushes } from "./push-load.ts";
import { startSenders } from "./sender-process.ts";
import { startWatchpost, type WatchpostServer } from "./server-process.ts";

const SERIES = 1_000;
const DAY_POINTS = 8_640_000;
const DAY_MS = 86_400_000;
const STEP_MS = 420_000;
/** Uploads of this bench must not lie in the day that is asked for. */
const UPLOAD_DAYS_AGO = [100, 50];

export const heavyRow: BenchRow = {
  name: "heavy",
  about: "averages of a day of 1,000 series over 7 minutes, again and again, beside ingest and beside live pushes",
  async run({ quick }) {
    const data = tempDir("heavy");
    const server = await startWatchpost({ data });
    const durationMs = quick ? 8_000 : 20_000;
    await sendHistory({ kind: "upload", address: server.grpc }, { series: SERIES, points: DAY_POINTS });
    const ingest = (daysAgo: number) => () => pointsPerSecond(server, durationMs, daysAgo);
    const quietRate = await ingest(UPLOAD_DAYS_AGO[0])();
    const busyRate = await besideQueries(server, ingest(UPLOAD_DAYS_AGO[1]));
    const quietPush = await pushP99Ms(server, durationMs);
    const busyPush = await besideQueries(server, () => pushP99Ms(server, durationMs));
    await server.stop();
    removeDir(data);
    const findings: Finding[] = [
      { what: "points/s", unit: "M/s", runs: [quietRate / 1e6] },
      { what: "points/s beside queries", unit: "M/s", runs: [busyRate.found / 1e6] },
      { what: "queries meanwhile", unit: "1/s", runs: [busyRate.queriesPerSecond] },
      {
        what: "ingest beside queries",
        unit: "× without",
        runs: [busyRate.found / quietRate],
        bar: { sign: "≥", value: 0.8 },
      },
      { what: "push p99", unit: "ms", runs: [quietPush] },
      { what: "push p99 beside queries", unit: "ms", runs: [busyPush.found] },
      { what: "queries meanwhile", unit: "1/s", runs: [busyPush.queriesPerSecond] },
      {
        what: "push p99 beside queries",
        unit: "× without",
        runs: [busyPush.found / quietPush],
        bar: { sign: "≤", value: 1.2 },
      },
    ];
    return findings;
  },
};

/** What `measure` finds while one query follows the other. */
async function besideQueries(
  server: WatchpostServer,
  measure: () => Promise<number>,
): Promise<{ found: number; queriesPerSecond: number }> {
  const fromMs = historyStartUs(150) / 1_000;
  const body = JSON.stringify({
    metric: "*",
    from: new Date(fromMs).toISOString(),
    to: new Date(fromMs + DAY_MS).toISOString(),
    stepMs: String(STEP_MS),
    groupBy: ["site"],
  });
  const times: number[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      const response = await fetch(`http://${server.http}/analytics.Dashboard/QueryRange`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`QueryRange answered ${response.status}: ${text}`);
      times.push(performance.now() - startMs);
    }
  })();
  try {
    const startMs = performance.now();
    const found = await Promise.race([measure(), asking.then(() => NaN)]);
    const seconds = (performance.now() - startMs) / 1_000;
    say(`${times.length} queries in ${seconds.toFixed(0)} s, p50 ${percentile(times, 50).toFixed(0)} ms`);
    return { found, queriesPerSecond: times.length / seconds };
  } finally {
    isOver = true;
    await asking;
  }
}

async function pointsPerSecond(server: WatchpostServer, durationMs: number, daysAgo: number): Promise<number> {
  const senders = await startSenders(
    {
      kind: "upload",
      address: server.grpc,
      messagePoints: 5_000,
      startUs: historyStartUs(daysAgo),
      stepUs: 10_000_000,
      durationMs,
    },
    SERIES,
    2,
  );
  const { points, seconds } = await senders.run();
  say(`${(points / seconds / 1e6).toFixed(2)} M points/s`);
  return points / seconds;
}

async function pushP99Ms(server: WatchpostServer, durationMs: number): Promise<number> {
  const { pushMs } = await measurePushes(server, durationMs);
  const p99 = percentile(pushMs, 99);
  say(`push p50 ${percentile(pushMs, 50).toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  return p99;
}
