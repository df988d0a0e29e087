/** Points for the console to show: as they come, and of a week. */
import { createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const EVERY_MS = 1_000;
const [WEEK_MS, MINUTE_MS] = [7 * 86_400_000, 60_000];
const BATCH_POINTS = 5_040;

export function metricName(i: number): string {
  return `bench.m${i}`;
}

/** All metrics of `count`, as Explore's address has them. */
export function metricNames(count: number): string {
  return Array.from({ length: count }, (_, i) => metricName(i)).join(",");
}

function ingestionOf(http: string): Client<typeof DataIngestion> {
  return createClient(DataIngestion, createConnectTransport({ baseUrl: `http://${http}`, useBinaryFormat: true }));
}

function pointsAt(timeMs: number, metrics: number, series: number) {
  return Array.from({ length: metrics * series }, (_, i) => ({
    metricName: metricName(Math.floor(i / series)),
    value: 50 + 20 * Math.sin(timeMs / 30_000 + i) + (i % series),
    tags: { device: `device-${i % series}` },
    timestamp: timestampOfMs(timeMs),
  }));
}

/** Each series has a point a second, five minutes of them at once and from then on as time goes by. */
export async function sendLive(http: string, metrics: number, series: number): Promise<AsyncDisposable> {
  const ingestion = ingestionOf(http);
  const nowMs = Date.now();
  for (let ms = nowMs - 300_000; ms < nowMs; ms += 20 * EVERY_MS) {
    const times = Array.from({ length: 20 }, (_, i) => ms + i * EVERY_MS);
    await ingestion.uploadBatch({ source: "bench", points: times.flatMap((each) => pointsAt(each, metrics, series)) });
  }
  let last = Promise.resolve();
  const timer = setInterval(() => {
    last = ingestion.uploadBatch({ source: "bench", points: pointsAt(Date.now(), metrics, series) }).then(
      () => {},
      (error: unknown) => console.log(`  not sent: ${error}`),
    );
  }, EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
    },
  };
}

export const WEEK_METRIC = "bench.week";

/** A point a minute of each series for a week. */
export async function sendWeek(http: string, series: number): Promise<void> {
  const ingestion = ingestionOf(http);
  const fromMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - WEEK_MS;
  const minutes = BATCH_POINTS / series;
  for (let at = 0; at < WEEK_MS / MINUTE_MS; at += minutes) {
    const times = Array.from({ length: minutes }, (_, i) => fromMs + (at + i) * MINUTE_MS);
    const points = times.flatMap((ms) => pointsAt(ms, 1, series)).map((each) => ({ ...each, metricName: WEEK_METRIC }));
    await ingestion.uploadBatch({ source: "bench", points });
  }
}

export const NIGHT_METRICS = "night.*";
export const NIGHT_MS = 8 * 3_600_000;
const [NIGHT_CHARTS, NIGHT_SERIES] = [5, 20];

/** So many points of eight hours until then, of 20 series on five charts. */
export async function sendNight(http: string, points: number, untilMs: number): Promise<void> {
  const ingestion = ingestionOf(http);
  const each = points / NIGHT_SERIES;
  for (let series = 0; series < NIGHT_SERIES; series++) {
    const ofSeries = Array.from({ length: each }, (_, i) => ({
      ...{ metricName: `night.m${series % NIGHT_CHARTS}`, tags: { device: `device-${series}` } },
      value: 50 + 20 * Math.sin(i / 200 + series) + (i % 7),
      timestamp: timestampOfMs(Math.round(untilMs - NIGHT_MS + (i * NIGHT_MS) / each)),
    }));
    for (let at = 0; at < each; at += BATCH_POINTS)
      await ingestion.uploadBatch({ source: "bench", points: ofSeries.slice(at, at + BATCH_POINTS) });
  }
}
