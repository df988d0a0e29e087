/** The servers Watchpost is compared with, each where its Debian package is installed. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killAtExit } from "./cleanup.ts";
import { cpuSeconds } from "./measure.ts";
import { freePort, stopChild, type BenchServer } from "./server-process.ts";

export interface PeerServer extends BenchServer {
  readonly address: string;
  /** Where line protocol with millisecond times is POSTed. */
  readonly writePath: string;
  /** Asks for averages by device of each metric, in steps from `fromMs` to `toMs`; returns how many values came. */
  averages(metrics: readonly string[], fromMs: number, toMs: number, stepMs: number): Promise<number>;
  /** Makes what was written reach its final form on the disk, and waits for it. */
  settle(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
  start(data: string): Promise<PeerServer>;
}

const VICTORIA = "/usr/bin/victoria-metrics";
const INFLUX = "/usr/bin/influxd";

export const victoriaMetrics: Peer = {
  name: "VictoriaMetrics",
  missing: missingProgram(VICTORIA, "victoria-metrics"),
  async start(data) {
    const address = `127.0.0.1:${freePort()}`;
    const flags = [`-storageDataPath=${data}`, `-httpListenAddr=${address}`, "-retentionPeriod=100y"];
    const child = spawnQuietly([VICTORIA, ...flags, "-loggerLevel=ERROR"]);
    await answers(`http://${address}/health`, child);
    return {
      ...running("VictoriaMetrics", child),
      address,
      writePath: "/write?precision=ms",
      async settle() {
        await get(`http://${address}/internal/force_flush`);
        // Answers at once; a stop while it merges ends this version in a panic, and what was in memory is lost.
        await get(`http://${address}/internal/force_merge`);
        for (let quiet = 0; quiet < 5; quiet++) {
          await Bun.sleep(200);
          if ((await sumOfMetric(address, /^vm_active_merges\{.*\} (\d+)$/gm)) > 0) quiet = 0;
        }
      },
      async averages(_, fromMs, toMs, stepMs) {
        // avg_over_time looks back from a step's end, where Watchpost's steps begin.
        const query = encodeURIComponent(`avg(avg_over_time({__name__!=""}[${stepMs}ms])) by (__name__, device)`);
        const range = `start=${(fromMs + stepMs) / 1_000}&end=${toMs / 1_000}&step=${stepMs}ms&nocache=1`;
        const answer = JSON.parse(await get(`http://${address}/api/v1/query_range?query=${query}&${range}`)) as {
          data: { result: readonly { readonly values: readonly unknown[] }[] };
        };
        return answer.data.result.reduce((sum, { values }) => sum + values.length, 0);
      },
      async stored() {
        await get(`http://${address}/internal/force_flush`);
        return sumOfMetric(address, /^vm_rows\{type="storage\/(?:small|big)"\} (\d+)$/gm);
      },
    };
  },
};

async function sumOfMetric(address: string, pattern: RegExp): Promise<number> {
  const text = await get(`http://${address}/metrics`);
  return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
}

export const influxDb: Peer = {
  name: "InfluxDB",
  missing: missingProgram(INFLUX, "influxdb"),
  async start(data) {
    const address = `127.0.0.1:${freePort()}`;
    const config = join(data, "influxdb.conf");
    writeFileSync(config, influxConfig(data, address, `127.0.0.1:${freePort()}`));
    const child = spawnQuietly([INFLUX, "-config", config]);
    await answers(`http://${address}/ping`, child);
    const created = await fetch(`http://${address}/query?q=CREATE%20DATABASE%20bench`, { method: "POST" });
    if (!created.ok) throw new Error(`influxd did not create a database: ${await created.text()}`);
    return {
      ...running("InfluxDB", child),
      address,
      writePath: "/write?db=bench&precision=ms",
      settle: async () => {},
      async averages(metrics, fromMs, toMs, stepMs) {
        const where = `time >= ${fromMs}ms AND time < ${toMs}ms GROUP BY time(${stepMs}ms), device`;
        const queries = metrics.map((metric) => `SELECT mean(value) FROM "${metric}" WHERE ${where}`).join(";");
        const url = `http://${address}/query?db=bench&epoch=ms&q=${encodeURIComponent(queries)}`;
        const answer = JSON.parse(await get(url)) as InfluxAnswer;
        return answer.results.flatMap(({ series = [] }) => series).reduce((sum, { values }) => sum + values.length, 0);
      },
      async stored() {
        const query = encodeURIComponent("SELECT count(value) FROM /.*/");
        const answer = JSON.parse(await get(`http://${address}/query?db=bench&q=${query}`)) as InfluxAnswer;
        const series = answer.results[0].series ?? [];
        return series.reduce((sum, { values }) => sum + values[0][1], 0);
      },
    };
  },
};

interface InfluxAnswer {
  readonly results: readonly { readonly series?: readonly { readonly values: readonly (readonly number[])[] }[] }[];
}

export const peers: readonly Peer[] = [victoriaMetrics, influxDb];

/** Defaults, without the logs of each request and without monitoring itself. */
function influxConfig(data: string, http: string, rpc: string): string {
  return `reporting-disabled = true
bind-address = "${rpc}"
[meta]
dir = "${data}/meta"
[data]
dir = "${data}/data"
wal-dir = "${data}/wal"
query-log-enabled = false
max-series-per-database = 0
[monitor]
store-enabled = false
[http]
bind-address = "${http}"
log-enabled = false
max-body-size = 0
[logging]
level = "error"
`;
}

function missingProgram(path: string, debianPackage: string): string | undefined {
  return existsSync(path) ? undefined : `${path} is not installed (Debian package ${debianPackage})`;
}

function spawnQuietly(command: string[]): Bun.Subprocess {
  const logs = process.env["BENCH_PEER_LOGS"] === undefined ? "ignore" : "inherit";
  return killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: logs, stderr: logs }));
}

function running(name: string, child: Bun.Subprocess): Omit<BenchServer, "stored"> {
  return { name, pid: child.pid, cpu: () => cpuSeconds(child.pid), stop: () => stopChild(name, child) };
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return text;
}

async function answers(url: string, child: Bun.Subprocess): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs && child.exitCode === null) {
    if (
      await fetch(url).then(
        (response) => response.ok,
        () => false,
      )
    )
      return;
    await Bun.sleep(20);
  }
  throw new Error(`${url} did not answer; set BENCH_PEER_LOGS=1 to see why`);
}
