/** Many live streams, and readers that never read. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { rssBytes, rssPeakBytes, slope } from "./measure.ts";
import type { ReaderConfig, ReaderResult, SubscriptionConfig } from "./reader.ts";
import { startChild, startSenders } from "./sender-process.ts";
import { startWatchpost } from "./server-process.ts";
import { METRIC_NAMES } from "./workload.ts";

const SERIES = 1_000;
const SUBSCRIPTIONS = 1_000;
const CONNECTIONS = 20;
const INTERVAL_MS = 1_000;
/** Every series changes twice in an interval. */
const LOAD_RATE = 2_000;
const STUCK_READERS = 20;
const WARM_UP_MS = 3_000;

/**
 * The heap of an idle server breathes by tens of MB, and streams that are not read fill their buffers first: growth shows
 * only as a slope after that. Connections that are not read at all are cut by the keepalive soon after the end.
 */
const RSS_MS = 40_000;
const RSS_SETTLED_MS = 15_000;

type Stuck = "window" | "socket" | undefined;

export const subscriptionsRow: BenchRow = {
  name: "subscriptions",
  about: "1,000 subscriptions of 100 series each, every second; then readers that never read beside them",
  async run({ quick }) {
    const some = subscriptions(false);
    return [
      ...(await measure("10 different ones", some, undefined, RSS_MS)),
      ...(await measure("all different", subscriptions(true), undefined, quick ? 8_000 : RSS_MS)),
      ...(await measure("beside 20 streams without window", some, "window", RSS_MS)),
      ...(await measure("beside 20 sockets never read", some, "socket", RSS_MS)),
    ];
  },
};

/** Each of one metric's 100 series. A filter that changes nothing makes them different to the server. */
function subscriptions(different: boolean): SubscriptionConfig[] {
  return Array.from({ length: SUBSCRIPTIONS }, (_, i) => ({
    metrics: [METRIC_NAMES[i % METRIC_NAMES.length]],
    intervalMs: INTERVAL_MS,
    ...(different ? { filters: { device: `dev-*|nobody-${i}` } } : {}),
  }));
}

async function measure(
  name: string,
  wanted: readonly SubscriptionConfig[],
  stuckReads: Stuck,
  durationMs: number,
): Promise<Finding[]> {
  const data = tempDir("live");
  const server = await startWatchpost({ data });
  const senders = await startSenders(
    {
      kind: "stream",
      address: server.grpc,
      messagePoints: 100,
      rate: LOAD_RATE,
      durationMs: durationMs + WARM_UP_MS + 20_000,
      startUs: Date.now() * 1_000,
      stepUs: (SERIES / LOAD_RATE) * 1e6,
    },
    SERIES,
    1,
  );
  // Longer than anything else here: it is killed in the end.
  void senders.run().catch(() => {});
  await Bun.sleep(2_000);
  const rssBefore = rssBytes(server.pid);
  const config: ReaderConfig = {
    address: server.grpc,
    subscriptions: wanted,
    connections: CONNECTIONS,
    reads: "all",
    durationMs,
  };
  const reader = startChild<ReaderResult>("reader.ts", config);
  await reader.ready;
  const stuck = stuckReads === undefined ? undefined : await startStuckReaders(server.grpc, stuckReads);
  await Bun.sleep(WARM_UP_MS);
  const rssStart = rssBytes(server.pid);
  const [startMs, startCpu] = [performance.now(), server.cpu()];
  const rss = sampleRss(server.pid);
  reader.go();
  const { updates, bytes, cpuSeconds } = await reader.result;
  const seconds = (performance.now() - startMs) / 1_000;
  const cpuShare = ((server.cpu() - startCpu) / seconds) * 100;
  const slopeMbPerS = rss.stop();
  const rssEnd = rssBytes(server.pid);
  const peakMb = rssPeakBytes(server.pid) / 1e6;
  stuck?.kill();
  reader.kill();
  senders.kill();
  await server.stop();
  removeDir(data);
  // A stuck reader wants all metrics, the others one each.
  const unreadMbPerS = (STUCK_READERS * METRIC_NAMES.length * (bytes / updates)) / 1e6 / (INTERVAL_MS / 1_000);
  const updatesASecond = updates / (durationMs / 1_000);
  say(
    `${name}: server CPU ${cpuShare.toFixed(0)} % of a core, ${Math.round(updatesASecond)} updates/s ` +
      `(${(bytes / updates / 1e3).toFixed(1)} kB each), reader CPU ${((cpuSeconds / seconds) * 100).toFixed(0)} %, ` +
      `RSS ${mb(rssBefore)} before, ${mb(rssStart)} at the start, ${mb(rssEnd)} at the end, peak ${peakMb.toFixed(0)} MB` +
      (Number.isNaN(slopeMbPerS) ? "" : `, slope ${slopeMbPerS.toFixed(2)} MB/s`) +
      (stuck === undefined ? "" : `; not read: ${unreadMbPerS.toFixed(2)} MB/s`),
  );
  return [
    { what: `${name}: server CPU`, unit: "% of a core", runs: [cpuShare] },
    {
      what: `${name}: updates/s`,
      unit: "/s",
      runs: [updatesASecond],
      bar: { sign: "≥", value: (SUBSCRIPTIONS * 1_000 * 0.98) / INTERVAL_MS },
    },
    { what: `${name}: RSS`, unit: "MB", runs: [rssEnd / 1e6] },
    ...(Number.isNaN(slopeMbPerS)
      ? []
      : [
          {
            what: `${name}: RSS slope after ${RSS_SETTLED_MS / 1_000} s`,
            unit: "MB/s",
            runs: [slopeMbPerS],
            ...(stuckReads === undefined
              ? {}
              : { bar: { sign: "≤" as const, value: unreadMbPerS / 2, of: "half of what is not read" } }),
          },
        ]),
  ];
}

async function startStuckReaders(address: string, reads: "window" | "socket"): Promise<{ kill(): void }> {
  const config: ReaderConfig = {
    address,
    // All series, so that what is not read is much.
    subscriptions: Array.from({ length: STUCK_READERS }, () => ({ metrics: ["*"], intervalMs: INTERVAL_MS })),
    connections: STUCK_READERS,
    reads,
    durationMs: 1e9,
  };
  const child = startChild<never>("reader.ts", config);
  await child.ready;
  return { kill: child.kill };
}

/** MB a second from {@link RSS_SETTLED_MS} on; NaN where that is too short to tell. */
function sampleRss(pid: number): { stop(): number } {
  const startMs = performance.now();
  const seconds: number[] = [];
  const megabytes: number[] = [];
  const timer = setInterval(() => {
    const sinceMs = performance.now() - startMs;
    if (sinceMs < RSS_SETTLED_MS) return;
    seconds.push(sinceMs / 1_000);
    megabytes.push(rssBytes(pid) / 1e6);
  }, 500);
  return {
    stop() {
      clearInterval(timer);
      return slope(seconds, megabytes);
    },
  };
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
