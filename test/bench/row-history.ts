/** Questions about what is stored, to Watchpost and to its peers over the same points; a restart after a kill. */
import { removeDir, tempDir } from "./cleanup.ts";
import { historyStartUs, say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { sendHistory, startTarget } from "./ingest-load.ts";
import { directoryBytes, median } from "./measure.ts";
import { peers, type PeerServer } from "./peers.ts";
import { startSenders } from "./sender-process.ts";
import { freePort, spawnWatchpost, startWatchpost, type WatchpostServer } from "./server-process.ts";
import { METRIC_NAMES } from "./workload.ts";

const SERIES = 1_000;
const DAY_POINTS = 8_640_000;
const [HOUR_MS, SEVEN_MINUTES_MS] = [3_600_000, 420_000];
const YEAR_MINUTES = 525_600;
const UNSEALED_POINTS = 10_000_000;
const ASKS = 9;
const READY_MS_MAX = 30_000;

export const historyRow: BenchRow = {
  name: "history",
  about: "averages by device over a day of 1,000 series every 10 s, a year of one series, a restart after a kill",
  async run(options) {
    return [...(await day(options)), ...(await year(options)), ...(await restart(options))];
  },
};

/** How long a question takes, answer read whole; the median of {@link ASKS} after one that warms up. */
async function timed(ask: () => Promise<number>): Promise<{ ms: number; rows: number }> {
  const times: number[] = [];
  let rows = 0;
  for (let i = 0; i <= ASKS; i++) {
    const startMs = performance.now();
    rows = await ask();
    if (i > 0) times.push(performance.now() - startMs);
  }
  return { ms: median(times), rows };
}

async function day({ quick }: BenchOptions): Promise<Finding[]> {
  const points = quick ? DAY_POINTS / 4 : DAY_POINTS;
  const fromMs = historyStartUs(150) / 1_000;
  const toMs = fromMs + (points / SERIES) * 10_000;
  const findings: Finding[] = [];
  const ms = new Map<string, number[]>();
  for (const peer of [undefined, ...peers.filter(({ missing }) => missing === undefined)]) {
    const name = peer?.name ?? "Watchpost";
    const data = tempDir("history");
    const { server, target } = await startTarget(peer, data);
    await sendHistory(target, { series: SERIES, points });
    if (peer === undefined) await settled(data);
    else await (server as PeerServer).settle();
    for (const stepMs of [HOUR_MS, SEVEN_MINUTES_MS]) {
      const ask = () =>
        peer === undefined
          ? averages((server as WatchpostServer).http, fromMs, toMs, stepMs)
          : (server as PeerServer).averages(METRIC_NAMES, fromMs, toMs, stepMs);
      const found = await timed(ask);
      say(`${name}, steps of ${stepMs / 60_000} minutes: ${found.ms.toFixed(1)} ms, ${found.rows} values`);
      ms.set(name, [...(ms.get(name) ?? []), found.ms]);
    }
    await server.stop();
    if (peer === undefined) {
      const bytes = directoryBytes(data) / points;
      findings.push({
        what: "data directory, rollups included",
        unit: "bytes/point",
        runs: [bytes],
        bar: { sign: "≤", value: quick ? 0.9 : 0.8 },
      });
    }
    removeDir(data);
  }
  const [own, ...others] = [...ms];
  findings.push({ what: "1 h average by device", unit: "ms", runs: [own[1][0]] });
  findings.push({ what: "7 min average by device", unit: "ms", runs: [own[1][1]] });
  for (const [name, [hours, minutes]] of others) {
    findings.push(
      { what: `${name} 1 h average by device`, unit: "ms", runs: [hours] },
      { what: `${name} 7 min average by device`, unit: "ms", runs: [minutes] },
      { what: `1 h over ${name}`, unit: "×", runs: [own[1][0] / hours], bar: { sign: "≤", value: 1 } },
      {
        what: `7 min over ${name}`,
        unit: "×",
        runs: [own[1][1] / minutes],
        ...(name === "VictoriaMetrics" ? { bar: { sign: "≤", value: 1.5 } } : {}),
      },
    );
  }
  return findings;
}

/** All metrics, one value a device and step; returns how many came. */
async function averages(http: string, fromMs: number, toMs: number, stepMs: number): Promise<number> {
  const { series = [] } = await ask(http, {
    metric: "*",
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    stepMs: String(stepMs),
    groupBy: ["device"],
  });
  return series.reduce((sum, { values }) => sum + values.length, 0);
}

interface Answer {
  readonly series?: { readonly values: number[] }[];
}

async function ask(http: string, request: object): Promise<Answer> {
  const response = await fetch(`http://${http}/analytics.Dashboard/QueryRange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`QueryRange answered ${response.status}: ${text}`);
  return JSON.parse(text) as Answer;
}

async function settled(data: string): Promise<void> {
  let bytes = -1;
  for (let still = 0; still < 8; still++) {
    await Bun.sleep(250);
    const now = directoryBytes(data);
    if (now !== bytes) still = 0;
    bytes = now;
  }
}

async function year({ quick }: BenchOptions): Promise<Finding[]> {
  const data = tempDir("year");
  const server = await startWatchpost({ data });
  const points = quick ? YEAR_MINUTES / 4 : YEAR_MINUTES;
  const senders = await startSenders(
    {
      kind: "upload",
      address: server.grpc,
      messagePoints: 5_000,
      startUs: historyStartUs(400),
      stepUs: 60_000_000,
      points,
    },
    1,
    1,
  );
  await senders.run();
  await server.stop();
  const again = await startWatchpost({ data });
  const request = { metric: "*", stepMs: "300000", function: "RANGE_FUNCTION_MAX" };
  const { ms, rows } = await timed(async () => {
    const { series = [] } = await ask(again.http, request);
    return series.reduce((sum, { values }) => sum + values.length, 0);
  });
  const serverMs = await queryMs(again.http, () => ask(again.http, request));
  say(
    `5 min max of a year: ${ms.toFixed(1)} ms as JSON over HTTP, ${serverMs.toFixed(1)} in the server, ${rows} values`,
  );
  await again.stop();
  removeDir(data);
  return [
    { what: "5 min max of one series over a year", unit: "ms", runs: [serverMs], bar: { sign: "≤", value: 10 } },
    { what: "the same as JSON over HTTP", unit: "ms", runs: [ms] },
  ];
}

/** What the server says that a query took, from its request to its encoded answer. */
async function queryMs(http: string, run: () => Promise<unknown>): Promise<number> {
  const sums = async () => {
    const text = await (await fetch(`http://${http}/metrics`)).text();
    const number = (name: string) =>
      Number(new RegExp(`^watchpost_query_duration_seconds_${name} (\\S+)$`, "m").exec(text)?.[1]);
    return { sum: number("sum"), count: number("count") };
  };
  const times: number[] = [];
  for (let i = 0; i < ASKS; i++) {
    const before = await sums();
    await run();
    const after = await sums();
    times.push(((after.sum - before.sum) / (after.count - before.count)) * 1_000);
  }
  return median(times);
}

async function restart({ quick }: BenchOptions): Promise<Finding[]> {
  const data = tempDir("restart");
  const points = quick ? UNSEALED_POINTS / 5 : UNSEALED_POINTS;
  const env = { WATCHPOST_STORE_HEAD_POINTS_MAX: "50000000", WATCHPOST_MEMORY_BUDGET: "4GiB" };
  const server = await startWatchpost({ data, env });
  await sendHistory({ kind: "upload", address: server.grpc }, { series: SERIES, points });
  process.kill(server.pid, "SIGKILL");
  await Bun.sleep(200);
  const http = `127.0.0.1:${freePort()}`;
  const startMs = performance.now();
  const child = spawnWatchpost({ data, http, env });
  const log = new Response(child.stderr).text();
  while (
    !(await fetch(`http://${http}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`watchpost ended before it was ready:\n${await log}`);
    if (performance.now() - startMs > READY_MS_MAX) throw new Error(`not ready within ${READY_MS_MAX} ms`);
    await Bun.sleep(1);
  }
  const ms = performance.now() - startMs;
  say(`ready ${ms.toFixed(0)} ms after the start, ${points / 1e6} M points replayed`);
  child.kill("SIGTERM");
  await child.exited;
  removeDir(data);
  return [
    {
      what: `restart after a kill, ${points / 1e6} M unsealed points`,
      unit: "s",
      runs: [ms / 1_000],
      bar: { sign: "≤", value: 3 },
    },
  ];
}
