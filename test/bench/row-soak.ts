/** Everything at once for long: ingest, sealing, queries, readers and readers that never read. Prints every minute. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { directoryBytes, percentile, rssBytes, slope } from "./measure.ts";
import type { QueryLoadConfig, QueryProgress } from "./query-load.ts";
import type { ReaderConfig, ReaderResult } from "./reader.ts";
import { startChild, startSenders } from "./sender-process.ts";
import { startWatchpost, type WatchpostServer } from "./server-process.ts";
import { METRIC_NAMES } from "./workload.ts";

const MINUTE_MS = 60_000;
const RATE = 200_000;
const SERIES = 1_000;
const BATCH_POINTS = 1_000;
const SAMPLE_MS = 1_000;
/** A shorter soak only sees the heap fill. */
const SLOPE_MINUTES_MIN = 20;
/** Of the time: caches and heaps fill first. */
const WARM_UP_SHARE = 0.2;

export const soakRow: BenchRow = {
  name: "soak",
  about: `${RATE} points/s, sealing, queries, 100 readers and 10 that never read, all together; --minutes N`,
  onlyByName: true,
  async run({ minutes }) {
    const durationMs = minutes * MINUTE_MS;
    const data = tempDir("soak");
    const server = await startWatchpost({ data });
    const minute = new Minute();
    const senders = await startSenders(
      {
        kind: "stream",
        address: server.grpc,
        messagePoints: BATCH_POINTS,
        rate: RATE,
        durationMs,
        startUs: Date.now() * 1_000,
        stepUs: (SERIES / RATE) * 1e6,
        progressMs: 10_000,
      },
      SERIES,
      2,
      ({ progress }, sender) => minute.onSender(sender, progress.points, progress.ackMs.p99, progress.ackMs.max),
    );
    const load = senders.run();
    load.catch(() => {});
    await Bun.sleep(2_000);

    const readers = startReaders(server, durationMs);
    const queries = startChild<never>(
      "query-load.ts",
      { http: server.http, everyMs: 200, progressMs: 10_000 } satisfies QueryLoadConfig,
      (line) => minute.onQueries((line as QueryProgress).queries),
    );
    await Promise.all([queries.ready, ...readers.map(({ ready }) => ready)]);
    queries.go();
    for (const reader of readers) reader.go();

    const rss = new RssSamples(server.pid);
    const printing = setInterval(() => say(minute.line(server, data)), Math.min(MINUTE_MS, durationMs / 2));
    const { points, results } = await load.finally(() => {
      clearInterval(printing);
      rss.stop();
      queries.kill();
      for (const reader of readers) reader.kill();
    });
    await server.stop();
    const bytes = directoryBytes(data) / points;
    removeDir(data);

    // Of two senders, the one that waited longer.
    const worst = (get: "p50" | "p99" | "p999" | "max") => Math.max(...results.map(({ ackMs }) => ackMs![get]));
    const findings: Finding[] = [
      { what: "acks p50", unit: "ms", runs: [worst("p50")] },
      { what: "acks p99", unit: "ms", runs: [worst("p99")] },
      { what: "acks p99.9", unit: "ms", runs: [worst("p999")] },
      { what: "acks max", unit: "ms", runs: [worst("max")] },
      {
        what: "RSS slope",
        unit: "MB/10 min",
        runs: [rss.slopeMbPer10Min()],
        ...(minutes < SLOPE_MINUTES_MIN ? {} : { bar: { sign: "≤", value: 1 } }),
      },
      { what: "RSS at the end", unit: "MB", runs: [rss.lastMb()] },
      { what: "queries p50", unit: "ms", runs: [percentile(minute.allQueryMs, 50)] },
      { what: "queries p99", unit: "ms", runs: [percentile(minute.allQueryMs, 99)] },
      { what: "queries failed", unit: "", runs: [minute.queriesFailed], bar: { sign: "≤", value: 0 } },
      { what: "data directory", unit: "bytes/point", runs: [bytes] },
    ];
    return findings;
  },
};

function startReaders(server: WatchpostServer, durationMs: number) {
  const subscribe = (
    count: number,
    reads: ReaderConfig["reads"],
    metrics: (i: number) => string,
    connections: number,
  ) => {
    const config: ReaderConfig = {
      address: server.grpc,
      subscriptions: Array.from({ length: count }, (_, i) => ({ metrics: [metrics(i)], intervalMs: 1_000 })),
      connections,
      reads,
      durationMs: durationMs + MINUTE_MS,
    };
    return startChild<ReaderResult>("reader.ts", config);
  };
  return [
    subscribe(100, "all", (i) => METRIC_NAMES[i % METRIC_NAMES.length], 4),
    subscribe(5, "window", () => "*", 5),
    subscribe(5, "socket", () => "*", 5),
  ];
}

class RssSamples {
  readonly #minutes: number[] = [];
  readonly #mb: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pid: number) {
    const startMs = performance.now();
    this.#timer = setInterval(() => {
      this.#minutes.push((performance.now() - startMs) / MINUTE_MS);
      this.#mb.push(rssBytes(pid) / 1e6);
    }, SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  lastMb(): number {
    return this.#mb.at(-1)!;
  }

  slopeMbPer10Min(): number {
    const from = Math.floor(this.#mb.length * WARM_UP_SHARE);
    return slope(this.#minutes.slice(from), this.#mb.slice(from)) * 10;
  }
}

/** What came in since the last line was printed. */
class Minute {
  readonly allQueryMs: number[] = [];
  queriesFailed = 0;
  readonly #startMs = performance.now();
  readonly #points: number[] = [];
  #printedPoints = 0;
  #printedMs = performance.now();
  #reportedMs = performance.now();
  #ackP99 = 0;
  #ackMax = 0;
  #queryMs: number[] = [];
  #failed = 0;
  #lastError = "";

  onSender(sender: number, points: number, ackP99: number, ackMax: number): void {
    this.#points[sender] = points;
    this.#reportedMs = performance.now();
    this.#ackP99 = Math.max(this.#ackP99, ackP99 || 0);
    this.#ackMax = Math.max(this.#ackMax, ackMax || 0);
  }

  onQueries({ ms, failed, lastError }: QueryProgress["queries"]): void {
    this.#queryMs.push(...ms);
    this.allQueryMs.push(...ms);
    this.#failed += failed;
    this.queriesFailed += failed;
    if (failed > 0) this.#lastError = lastError;
  }

  line(server: WatchpostServer, data: string): string {
    const nowMs = performance.now();
    const points = this.#points.reduce((sum, each) => sum + (each ?? 0), 0);
    const rate = ((points - this.#printedPoints) / (this.#reportedMs - this.#printedMs)) * 1_000;
    const line =
      `${((nowMs - this.#startMs) / MINUTE_MS).toFixed(1)} min: ${Math.round(rate)} points/s, ` +
      `acks p99 ${this.#ackP99.toFixed(1)} max ${this.#ackMax.toFixed(1)} ms, ` +
      `${this.#queryMs.length} queries p50 ${percentile(this.#queryMs, 50).toFixed(1)} ` +
      `p99 ${percentile(this.#queryMs, 99).toFixed(1)} ms` +
      (this.#failed > 0 ? `, ${this.#failed} failed (${this.#lastError})` : "") +
      `, RSS ${(rssBytes(server.pid) / 1e6).toFixed(0)} MB, CPU ${server.cpu().toFixed(0)} s, ` +
      `disk ${(directoryBytes(data) / 1e6).toFixed(0)} MB`;
    this.#printedPoints = points;
    this.#printedMs = this.#reportedMs;
    this.#ackP99 = this.#ackMax = this.#failed = 0;
    this.#queryMs = [];
    return line;
  }
}
