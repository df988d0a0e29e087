/** Debian's Prometheus as the sender: what it scraped of Watchpost and of itself is compared with what arrived, sample by sample. */
import { expect } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { killAtExit } from "../bench/cleanup.ts";
import { freePort, stopChild } from "../bench/server-process.ts";
import { program, testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const DEADLINE_MS = 60_000;
const POLL_MS = 100;
const SAMPLES_MIN = 20;
/** What is logged above it is trouble. */
const INFO = 30;
/** Of both jobs; the last is a histogram's. */
const METRICS = [
  "up",
  "scrape_duration_seconds",
  "watchpost_commit_points_total",
  "prometheus_http_response_size_bytes_bucket",
];

interface PeerProcess extends AsyncDisposable {
  /** Every sample of a metric that it has, as "metric source tags@timeMs=value", in order. */
  samples(metric: string): Promise<string[]>;
}

/** Scrapes itself and `http` five times a second, and sends all of it to `http`. */
async function startPrometheus(directory: string, http: string): Promise<PeerProcess> {
  const address = `127.0.0.1:${freePort()}`;
  const file = join(directory, "prometheus.yml");
  await Bun.write(
    file,
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms, external_labels: { site: lab } }
scrape_configs:
  - { job_name: itself, static_configs: [{ targets: ["${address}"] }] }
  - { job_name: watchpost, static_configs: [{ targets: ["${http}"], labels: { plant: "north, \\"1\\"" } }] }
remote_write:
  - url: http://${http}/api/v1/write
    queue_config: { batch_send_deadline: 200ms, max_backoff: 200ms }
    metadata_config: { send_interval: 1s }
`,
  );
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${directory}/tsdb`, `--web.listen-address=${address}`];
  const command = ["prometheus", ...flags, "--log.level=warn"];
  const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" }));
  return {
    async samples(metric) {
      const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(`${metric}[1h]`)}`);
      const { data } = (await response.json()) as { data: { result: PeerSeries[] } };
      return data.result.flatMap(({ metric: { __name__: name, instance, ...labels }, values }) =>
        values.map(([timeS, value]) => shown(name, instance, { ...labels, site: "lab" }, timeS * 1_000, Number(value))),
      );
    },
    async [Symbol.asyncDispose]() {
      await stopChild("Prometheus", child);
    },
  };
}

interface PeerSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [timeS: number, value: string])[];
}

function shown(metric: string, source: string, tags: Record<string, string>, timeMs: number, value: number): string {
  const pairs = Object.entries(tags).map(([key, text]) => `${key}=${text}`);
  return `${[metric, source, ...pairs.sort()].join(" ")}@${Math.round(timeMs)}=${value}`;
}

async function storedOf(server: ServerProcess, metric: string): Promise<string[]> {
  const connection = new Connection(server.grpc);
  try {
    const { series } = await queryRange(connection, { metric });
    return series.flatMap(({ source, tags, timesMs, values }) =>
      timesMs.map((timeMs, i) => shown(metric, source, tags, timeMs, values[i])),
    );
  } finally {
    connection.close();
  }
}

/** Such as samples that are refused. */
function troublesOf(server: ServerProcess): unknown[] {
  return server.log().filter(({ level }) => Number(level) > INFO);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
    await Bun.sleep(POLL_MS);
  }
}

const MISSING = [program("prometheus") && "Debian's prometheus"];

testNeeding(MISSING)(
  "what Prometheus scrapes arrives, each sample as it is, also what it scraped while nobody listened",
  async () => {
    using dir = tempDir("prometheus");
    const http = `127.0.0.1:${ownPort()}`;
    const start = () => startServerProcess({ data: join(dir.path, "data"), args: ["--http", http] });
    let server = await start();
    try {
      await using prometheus = await startPrometheus(dir.path, http);
      const has = async (count: number) => (await prometheus.samples("up")).length >= count;
      await until("the first samples", () => has(SAMPLES_MIN));
      await server.stop();
      const before = (await prometheus.samples("up")).length;
      await until("samples while nobody listens", () => has(before + SAMPLES_MIN));
      server = await start();
      // Those that it has scraped so far: what it scrapes just before it ends it need not send.
      const samples: Record<string, string[]> = {};
      for (const metric of METRICS) samples[metric] = await prometheus.samples(metric);
      for (const metric of METRICS) {
        expect(samples[metric]).not.toEqual([]);
        await until(`all that Prometheus has of ${metric}`, async () => {
          const stored = new Set(await storedOf(server, metric));
          return samples[metric].every((sample) => stored.has(sample));
        });
      }
      await until("what Prometheus says of its metrics", async () => {
        const metrics = await (await fetch(`http://${http}/metrics`)).text();
        return /^watchpost_door_left_out_total\{door="prometheus",what="metadata"\} [1-9]/m.test(metrics);
      });
      expect(troublesOf(server)).toEqual([]);
    } finally {
      await server.stop();
    }
  },
);
