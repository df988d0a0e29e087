/** Large batches of 1,000 series as fast as they are taken, against the peers. */
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { measureIngest, type IngestFigures } from "./ingest-load.ts";
import { median } from "./measure.ts";
import { peers } from "./peers.ts";

const SERIES = 1_000;
const RATE_BARS: Record<string, number> = { VictoriaMetrics: 1.5, InfluxDB: 3 };
const CPU_BARS: Record<string, number> = { VictoriaMetrics: 0.5 };

export const ingestRow: BenchRow = {
  name: "ingest",
  about: "5,000-point batches, 1,000 series, 2 senders, acked after the sync, sealing included",
  run,
};

async function run({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const durationMs = quick ? 8_000 : 60_000;
  const present = peers.filter(({ name, missing }) => {
    if (missing !== undefined) say(`${name} skipped: ${missing}`);
    return missing === undefined;
  });
  const figures = new Map<string, IngestFigures[]>();
  for (let i = 0; i < runs; i++) {
    for (const target of [undefined, ...present]) {
      const name = target?.name ?? "Watchpost";
      const found = await measureIngest(target, { series: SERIES, durationMs });
      figures.set(name, [...(figures.get(name) ?? []), found]);
      say(describe(name, found));
    }
  }
  const of = (name: string, get: (found: IngestFigures) => number) => figures.get(name)!.map(get);
  const rate = (found: IngestFigures) => found.pointsPerSecond / 1e6;
  const cpu = (found: IngestFigures) => found.cpuPerMillion;
  const compare = (name: string, get: (found: IngestFigures) => number) =>
    median(of("Watchpost", get)) / median(of(name, get));

  const findings: Finding[] = [
    { what: "points/s", unit: "M/s", runs: of("Watchpost", rate) },
    { what: "server CPU", unit: "s/M points", runs: of("Watchpost", cpu) },
    { what: "server CPU, stop included", unit: "s/M points", runs: of("Watchpost", (f) => f.cpuPerMillionStopped) },
    { what: "peak RSS", unit: "MB", runs: of("Watchpost", (f) => f.rssPeakMb) },
  ];
  for (const { name } of present) {
    findings.push(
      { what: `${name} points/s`, unit: "M/s", runs: of(name, rate) },
      { what: `${name} server CPU`, unit: "s/M points", runs: of(name, cpu) },
      { what: `${name} peak RSS`, unit: "MB", runs: of(name, (f) => f.rssPeakMb) },
      {
        what: `rate over ${name}`,
        unit: "×",
        runs: [compare(name, rate)],
        bar: { sign: "≥", value: RATE_BARS[name] },
      },
      {
        what: `CPU over ${name}`,
        unit: "×",
        runs: [compare(name, cpu)],
        ...(CPU_BARS[name] === undefined ? {} : { bar: { sign: "≤", value: CPU_BARS[name] } }),
      },
    );
  }
  return findings;
}

function describe(name: string, found: IngestFigures): string {
  const parts = [
    `${(found.pointsPerSecond / 1e6).toFixed(2)} M points/s`,
    `server ${found.cpuPerMillion.toFixed(3)} CPU s/M (${found.cpuPerMillionStopped.toFixed(3)} with its stop)`,
    `senders ${found.senderCpuPerMillion.toFixed(3)}`,
    `peak RSS ${found.rssPeakMb.toFixed(0)} MB`,
    `others ${(found.elsewhereShare * 100).toFixed(0)} % of the machine`,
    ...(found.ackP99Ms === undefined ? [] : [`answers p99 ${found.ackP99Ms.toFixed(1)} ms`]),
  ];
  return `${name}: ${parts.join(", ")}`;
}
