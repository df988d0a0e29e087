/** What the senders could send to a server that costs nothing: figures far above it are the server's own. */
import { join } from "node:path";
import { killAtExit } from "./cleanup.ts";
import { HISTORY_STEP_US, historyStartUs, say, type BenchRow, type Finding } from "./finding.ts";
import { BATCH_POINTS, SENDERS } from "./ingest-load.ts";
import { linesOf, startSenders } from "./sender-process.ts";
import type { SinkConfig } from "./sink.ts";

const SHAPES = [
  { what: "gRPC, 5,000-point batches", sink: "grpc", kind: "upload", messagePoints: BATCH_POINTS, senders: SENDERS },
  { what: "gRPC, 1-point batches", sink: "grpc", kind: "upload", messagePoints: 1, senders: 1 },
  { what: "line protocol", sink: "http", kind: "line", messagePoints: BATCH_POINTS, senders: SENDERS },
] as const;

export const sendersRow: BenchRow = {
  name: "senders",
  about: "the load generators against a sink that throws everything away (raw grpc-js; a bare socket)",
  async run({ quick }) {
    const findings: Finding[] = [];
    for (const { what, sink, kind, messagePoints, senders } of SHAPES) {
      const { address, stop } = await startSink({ kind: sink, messagePoints });
      const group = await startSenders(
        {
          kind,
          address,
          path: "/write",
          messagePoints,
          burstMessages: messagePoints === 1 ? 64 : 1,
          durationMs: quick ? 3_000 : 10_000,
          startUs: historyStartUs(500),
          stepUs: HISTORY_STEP_US,
        },
        1_000,
        senders,
      );
      const { points, seconds, senderCpuSeconds } = await group.run();
      stop();
      const rate = points / seconds / 1e6;
      const perCpuSecond = points / senderCpuSeconds / 1e6;
      say(`${what}: ${rate.toFixed(2)} M points/s sent, ${perCpuSecond.toFixed(1)} M points a sender's CPU second`);
      findings.push(
        { what: `${what}: sent`, unit: "M/s", runs: [rate] },
        { what: `${what}: a sender's CPU second sends`, unit: "M points", runs: [perCpuSecond] },
      );
    }
    return findings;
  },
};

async function startSink(config: SinkConfig): Promise<{ address: string; stop(): void }> {
  const command = [process.execPath, join(import.meta.dir, "sink.ts"), JSON.stringify(config)];
  const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }));
  const { value } = await linesOf(child.stdout).next();
  if (value === undefined) throw new Error(`the sink ended with code ${await child.exited}`);
  return { address: (JSON.parse(value) as { address: string }).address, stop: () => child.kill("SIGKILL") };
}
