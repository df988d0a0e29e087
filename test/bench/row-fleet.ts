/** A fleet of devices, each with a stream of its own, as `watchpost simulate` sends it. */
import type { Outcome } from "../../src/cli/simulate/outcome.ts";
import { killAtExit, removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { rssPeakBytes } from "./measure.ts";
import { startWatchpost, watchpostCommand } from "./server-process.ts";

const DEVICES = 2_000;
/** Five sensors, two readings of each a second, sent together: a batch of ten points. */
const FLEET = ["--profile", "factory", "--devices", String(DEVICES), "--gateways", "20"];
const PACE = ["--interval", "500ms", "--batch", "2"];
const BATCH_POINTS = 10;

export const fleetRow: BenchRow = {
  name: "fleet",
  about: "2,000 simulated devices, each with its own stream, a batch of ten points a second each",
  async run(options) {
    const runs: Run[] = [];
    for (let i = 0; i < options.runs; i++) runs.push(await measure(options));
    const of = (value: (run: Run) => number) => runs.map(value);
    const findings: Finding[] = [
      {
        what: "batches a second",
        unit: "",
        runs: of((run) => run.batchesPerSecond),
        bar: { sign: "≥", value: 0.99 * DEVICES },
      },
      { what: "acks p50", unit: "ms", runs: of((run) => run.ackMs.p50) },
      { what: "acks p99", unit: "ms", runs: of((run) => run.ackMs.p99), bar: { sign: "≤", value: 100 } },
      { what: "RSS of the server, peak", unit: "MB", runs: of((run) => run.rssMb), bar: { sign: "≤", value: 300 } },
      { what: "missing or refused", unit: "points", runs: of((run) => run.lost), bar: { sign: "≤", value: 0 } },
      { what: "CPU of the server", unit: "cores", runs: of((run) => run.cores) },
      { what: "CPU of the simulator", unit: "cores", runs: of((run) => run.simulatorCores) },
    ];
    return findings;
  },
};

interface Run {
  readonly batchesPerSecond: number;
  readonly ackMs: { readonly p50: number; readonly p99: number };
  readonly rssMb: number;
  readonly lost: number;
  readonly cores: number;
  readonly simulatorCores: number;
}

async function measure({ quick }: BenchOptions): Promise<Run> {
  const data = tempDir("fleet");
  const server = await startWatchpost({ data });
  try {
    const lengthS = quick ? 15 : 60;
    const length = ["--duration", `${lengthS}s`];
    const flags = ["simulate", "--server", server.grpc, ...FLEET, ...PACE, ...length, "--json"];
    const startCpu = server.cpu();
    const child = killAtExit(
      Bun.spawn([...watchpostCommand().command, ...flags], { stdin: "ignore", stdout: "pipe", stderr: "inherit" }),
    );
    const text = await child.stdout.text();
    const code = await child.exited;
    if (text === "") throw new Error(`simulate ended with code ${code} and without a ledger`);
    const outcome = JSON.parse(text) as Outcome;
    const { seconds, acked, missing, refused, unanswered, ackMs } = outcome;
    const simulatorCpu = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
    const run = {
      batchesPerSecond: acked / BATCH_POINTS / lengthS,
      ackMs: ackMs ?? { p50: NaN, p99: NaN },
      rssMb: rssPeakBytes(server.pid) / 1e6,
      lost: (missing ?? acked) + refused + unanswered,
      cores: (server.cpu() - startCpu) / seconds,
      simulatorCores: simulatorCpu / seconds,
    };
    say(
      `${Math.round(run.batchesPerSecond)} batches/s, acks p50 ${run.ackMs.p50.toFixed(1)} p99 ${run.ackMs.p99.toFixed(1)} ms, ` +
        `${Math.round(run.rssMb)} MB, ${run.lost} lost, cores: server ${run.cores.toFixed(2)}, simulator ${run.simulatorCores.toFixed(2)}`,
    );
    return run;
  } finally {
    await server.stop();
    removeDir(data);
  }
}
