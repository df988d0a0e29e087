/** One load of large batches on one fresh server: the same points for Watchpost and for its peers. */
import { cpus } from "node:os";
import { removeDir, tempDir } from "./cleanup.ts";
import { HISTORY_STEP_US, historyStartUs } from "./finding.ts";
import { machineCpuSeconds, rssPeakBytes } from "./measure.ts";
import type { Peer } from "./peers.ts";
import { startSenders, type Load } from "./sender-process.ts";
import type { SenderConfig } from "./sender.ts";
import { startWatchpost, type BenchServer } from "./server-process.ts";

export const SENDERS = 2;
export const BATCH_POINTS = 5_000;
/** 10 s steps at 6 million points a second and 1,000 series move 42 days in a minute. */
const HISTORY_DAYS = 150;
const LINES_PATH = "/write?db=bench&precision=ms";

export interface IngestFigures {
  readonly pointsPerSecond: number;
  /** Of the server, while the points came in. */
  readonly cpuPerMillion: number;
  /** The same with its stop, when everything that was open is sealed. */
  readonly cpuPerMillionStopped: number;
  readonly senderCpuPerMillion: number;
  readonly rssPeakMb: number;
  /** Of the machine's time, what neither server nor senders used: the kernel's write-back, and other programs. */
  readonly elsewhereShare: number;
  /** Peers: how long an answer took. */
  readonly ackP99Ms: number | undefined;
}

export interface IngestPlan {
  readonly series: number;
  readonly durationMs?: number;
  readonly points?: number;
  /** Watchpost is sent line protocol, too, as its peers are. */
  readonly isLines?: boolean;
}

/** Undefined stands for Watchpost. */
export async function measureIngest(peer: Peer | undefined, plan: IngestPlan): Promise<IngestFigures> {
  const dir = tempDir("ingest");
  try {
    const { server, target } = await startTarget(peer, dir, plan.isLines);
    const startCpu = server.cpu();
    const startMachine = machineCpuSeconds();
    const load = await sendHistory(target, plan);
    const cpu = server.cpu() - startCpu;
    const elsewhere = machineCpuSeconds() - startMachine - cpu - load.senderCpuSeconds;
    const rssPeakMb = rssPeakBytes(server.pid) / 1e6;
    const beforeCount = server.cpu();
    const stored = await server.stored();
    if (stored !== load.points)
      throw new Error(`${server.name} holds ${stored} points; it acknowledged ${load.points}`);
    const countCpu = server.cpu() - beforeCount;
    const cpuStopped = (await server.stop()) - startCpu - countCpu;
    const millions = load.points / 1e6;
    return {
      pointsPerSecond: load.points / load.seconds,
      cpuPerMillion: cpu / millions,
      cpuPerMillionStopped: cpuStopped / millions,
      senderCpuPerMillion: load.senderCpuSeconds / millions,
      rssPeakMb,
      elsewhereShare: elsewhere / load.seconds / cpus().length,
      ackP99Ms: load.results[0].ackMs?.p99,
    };
  } finally {
    removeDir(dir);
    // What the last server left to write back must not slow the next.
    Bun.spawnSync(["sync"]);
  }
}

export type Target = Pick<SenderConfig, "kind" | "address" | "path">;

export async function startTarget(
  peer: Peer | undefined,
  data: string,
  isLines = false,
): Promise<{ server: BenchServer; target: Target }> {
  if (peer === undefined) {
    const server = await startWatchpost({ data });
    if (isLines) return { server, target: { kind: "line", address: server.http, path: LINES_PATH } };
    return { server, target: { kind: "upload", address: server.grpc } };
  }
  const server = await peer.start(data);
  return { server, target: { kind: "line", address: server.address, path: server.writePath } };
}

/** Large batches of history from two senders; fails when the server refuses points. */
export async function sendHistory(target: Target, { series, durationMs, points }: IngestPlan): Promise<Load> {
  const senders = await startSenders(
    {
      ...target,
      messagePoints: BATCH_POINTS,
      startUs: historyStartUs(HISTORY_DAYS),
      stepUs: HISTORY_STEP_US,
      ...(durationMs === undefined ? {} : { durationMs }),
      ...(points === undefined ? {} : { points }),
    },
    series,
    SENDERS,
  );
  const load = await senders.run();
  if (load.refused > 0) throw new Error(`${load.refused} of the points were refused; wanted none`);
  return load;
}
