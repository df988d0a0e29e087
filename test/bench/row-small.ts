/** Batches of one point: what a message costs. */
import { removeDir, tempDir } from "./cleanup.ts";
import {
  HISTORY_STEP_US,
  historyStartUs,
  say,
  type Bar,
  type BenchOptions,
  type BenchRow,
  type Finding,
} from "./finding.ts";
import { startSenders } from "./sender-process.ts";
import type { SenderConfig } from "./sender.ts";
import { startWatchpost } from "./server-process.ts";

interface Shape {
  readonly what: string;
  readonly kind: "upload" | "stream";
  readonly streams: number;
  readonly burstMessages: number;
  readonly batchesInFlightMax?: number;
  readonly bar?: Bar;
}

const SHAPES: readonly Shape[] = [
  { what: "one UploadData stream", kind: "upload", streams: 1, burstMessages: 64, bar: { sign: "≥", value: 40_000 } },
  {
    what: "one StreamData stream",
    kind: "stream",
    streams: 1,
    burstMessages: 64,
    batchesInFlightMax: 4_096,
    bar: { sign: "≥", value: 25_000 },
  },
  { what: "200 UploadData streams", kind: "upload", streams: 200, burstMessages: 5 },
  {
    what: "200 StreamData streams, one batch in flight",
    kind: "stream",
    streams: 200,
    burstMessages: 1,
    batchesInFlightMax: 1,
  },
];
const SERIES = 1_000;

export const smallRow: BenchRow = {
  name: "small",
  about: "1-point batches, 1,000 series, a connection per stream",
  async run(options) {
    const findings: Finding[] = [];
    for (const shape of SHAPES) findings.push(...(await measure(shape, options)));
    return findings;
  },
};

async function measure(shape: Shape, { quick, runs }: BenchOptions): Promise<Finding[]> {
  const rates: number[] = [];
  const cpus: number[] = [];
  const ackP50: number[] = [];
  const ackP99: number[] = [];
  for (let i = 0; i < runs; i++) {
    const data = tempDir("small");
    const server = await startWatchpost({ data });
    const config: Omit<SenderConfig, "seriesFrom" | "seriesTo" | "seed"> = {
      kind: shape.kind,
      address: server.grpc,
      messagePoints: 1,
      burstMessages: shape.burstMessages,
      streams: shape.streams,
      durationMs: quick ? 4_000 : 15_000,
      startUs: historyStartUs(150),
      stepUs: HISTORY_STEP_US,
      ...(shape.batchesInFlightMax === undefined ? {} : { batchesInFlightMax: shape.batchesInFlightMax }),
    };
    const senders = await startSenders(config, SERIES, 1);
    const startCpu = server.cpu();
    const load = await senders.run();
    rates.push(load.batches / load.seconds);
    cpus.push(((server.cpu() - startCpu) * 1e6) / load.batches);
    const { ackMs } = load.results[0];
    if (ackMs !== undefined) {
      ackP50.push(ackMs.p50);
      ackP99.push(ackMs.p99);
    }
    await server.stop();
    removeDir(data);
    say(
      `${shape.what}: ${Math.round(rates[i])} batches/s, ${cpus[i].toFixed(1)} µs CPU a batch` +
        (ackMs === undefined ? "" : `, acks p50 ${ackMs.p50.toFixed(1)} p99 ${ackMs.p99.toFixed(1)} ms`),
    );
  }
  return [
    { what: shape.what, unit: "batches/s", runs: rates, ...(shape.bar === undefined ? {} : { bar: shape.bar }) },
    { what: `${shape.what}: server CPU`, unit: "µs/batch", runs: cpus },
    ...(ackP99.length === 0
      ? []
      : [
          { what: `${shape.what}: acks p50`, unit: "ms", runs: ackP50 },
          { what: `${shape.what}: acks p99`, unit: "ms", runs: ackP99 },
        ]),
  ];
}
