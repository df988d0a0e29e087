/** What the number of series costs: rate and memory. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { measureIngest, sendHistory, startTarget } from "./ingest-load.ts";
import { median, rssBytes, rssPeakBytes } from "./measure.ts";
import { victoriaMetrics, type Peer } from "./peers.ts";

/** The same number of points for every number of series, so that only the series differ. */
const MEMORY_POINTS = 2_000_000;
const MEMORY_SERIES = [10_000, 100_000, 1_000_000];

export const seriesRow: BenchRow = {
  name: "series",
  about: "the same load over 100,000 series; memory at 10,000 to 1,000,000 active series",
  async run(options) {
    return [...(await rates(options)), ...(await memory(undefined)), ...(await peerMemory(options))];
  },
};

async function rates({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const durationMs = quick ? 6_000 : 30_000;
  const few: number[] = [];
  const many: number[] = [];
  for (let i = 0; i < runs; i++) {
    for (const [series, found] of [
      [1_000, few],
      [100_000, many],
    ] as const) {
      const { pointsPerSecond, cpuPerMillion, rssPeakMb } = await measureIngest(undefined, { series, durationMs });
      found.push(pointsPerSecond / 1e6);
      say(
        `${series} series: ${(pointsPerSecond / 1e6).toFixed(2)} M points/s, ${cpuPerMillion.toFixed(3)} CPU s/M, ` +
          `peak RSS ${rssPeakMb.toFixed(0)} MB`,
      );
    }
  }
  const share = (median(many) / median(few)) * 100;
  return [
    { what: "points/s, 100,000 series", unit: "M/s", runs: many },
    { what: "of the rate at 1,000 series", unit: "%", runs: [share], bar: { sign: "≥", value: 50 } },
  ];
}

async function memory(peer: Peer | undefined): Promise<Finding[]> {
  const name = peer === undefined ? "" : `${peer.name} `;
  const rss: number[] = [];
  const findings: Finding[] = [];
  for (const series of MEMORY_SERIES) {
    const data = tempDir("series");
    const { server, target } = await startTarget(peer, data);
    await sendHistory(target, { series, points: MEMORY_POINTS });
    await Bun.sleep(5_000);
    rss.push(rssBytes(server.pid));
    const peakMb = rssPeakBytes(server.pid) / 1e6;
    say(`${name}${series} active series: RSS ${(rss.at(-1)! / 1e6).toFixed(0)} MB, peak ${peakMb.toFixed(0)} MB`);
    findings.push({
      what: `${name}RSS at ${series.toLocaleString("en-US")} series`,
      unit: "MB",
      runs: [rss.at(-1)! / 1e6],
    });
    await server.stop();
    removeDir(data);
  }
  const bytesASeries = (rss[2] - rss[0]) / (MEMORY_SERIES[2] - MEMORY_SERIES[0]);
  findings.push({
    what: `${name}bytes a series`,
    unit: "bytes",
    runs: [bytesASeries],
    ...(peer === undefined ? { bar: { sign: "≤", value: 1_024 } } : {}),
  });
  return findings;
}

async function peerMemory({ quick }: BenchOptions): Promise<Finding[]> {
  if (quick) return [];
  if (victoriaMetrics.missing === undefined) return memory(victoriaMetrics);
  say(`VictoriaMetrics skipped: ${victoriaMetrics.missing}`);
  return [];
}
