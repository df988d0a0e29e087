/** InfluxDB line protocol as fast as it is taken, against the peers on the same lines. */
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { measureIngest, type IngestFigures } from "./ingest-load.ts";
import { median } from "./measure.ts";
import { peers } from "./peers.ts";

const SERIES = 1_000;
const RATE_BARS: Record<string, number> = { InfluxDB: 1 };

export const linesRow: BenchRow = {
  name: "line-protocol",
  about: "5,000 lines a request, 1,000 series, 2 senders, answered after the sync",
  run,
};

async function run({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const durationMs = quick ? 8_000 : 30_000;
  const present = peers.filter(({ missing }) => missing === undefined);
  const figures = new Map<string, IngestFigures[]>();
  for (let i = 0; i < runs; i++) {
    for (const target of [undefined, ...present]) {
      const name = target?.name ?? "Watchpost";
      const found = await measureIngest(target, { series: SERIES, durationMs, isLines: true });
      figures.set(name, [...(figures.get(name) ?? []), found]);
      const rate = (found.pointsPerSecond / 1e6).toFixed(2);
      say(
        `${name}: ${rate} M lines/s, ${found.cpuPerMillion.toFixed(2)} CPU s/M, p99 ${found.ackP99Ms?.toFixed(1)} ms`,
      );
    }
  }
  const rates = (name: string) => figures.get(name)!.map((found) => found.pointsPerSecond / 1e6);
  return [...figures].flatMap(([name, all]): Finding[] => [
    { what: `${name} lines/s`, unit: "M/s", runs: rates(name) },
    { what: `${name} server CPU`, unit: "s/M lines", runs: all.map((found) => found.cpuPerMillion) },
    ...(name === "Watchpost"
      ? []
      : [
          {
            what: `rate over ${name}`,
            unit: "×",
            runs: [median(rates("Watchpost")) / median(rates(name))],
            ...(RATE_BARS[name] === undefined ? {} : { bar: { sign: "≥" as const, value: RATE_BARS[name] } }),
          },
        ]),
  ]);
}
