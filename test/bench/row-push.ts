/** From the upload of a point of a quiet series to its push, while others send much. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { percentile } from "./measure.ts";
import type { ProbeConfig, ProbeResult } from "./push-probe.ts";
import { startChild, startSenders } from "./sender-process.ts";
import { startWatchpost } from "./server-process.ts";

const LOAD_RATE = 100_000;
const LOAD_SERIES = 1_000;
const LOAD_BATCH_POINTS = 1_000;

export const pushRow: BenchRow = {
  name: "push",
  about: "upload to on-change push of a quiet series while 100,000 points/s stream in",
  async run({ quick, runs }) {
    const p50: number[] = [];
    const p99: number[] = [];
    const ackP99: number[] = [];
    const cpuShare: number[] = [];
    for (let i = 0; i < runs; i++) {
      const data = tempDir("push");
      const server = await startWatchpost({ data });
      const durationMs = quick ? 8_000 : 30_000;
      const senders = await startSenders(
        {
          kind: "stream",
          address: server.grpc,
          messagePoints: LOAD_BATCH_POINTS,
          rate: LOAD_RATE,
          durationMs: durationMs + 4_000,
          startUs: Date.now() * 1_000,
          stepUs: (LOAD_SERIES / LOAD_RATE) * 1e6,
          batchesInFlightMax: 100,
        },
        LOAD_SERIES,
        1,
      );
      const config: ProbeConfig = { address: server.grpc, series: 5, everyMs: 90, durationMs };
      const probe = startChild<ProbeResult>("push-probe.ts", config);
      await probe.ready;
      const load = senders.run();
      await Bun.sleep(1_500);
      const [startMs, startCpu] = [performance.now(), server.cpu()];
      probe.go();
      const { sent, pushMs, ackMs } = await probe.result;
      cpuShare.push(((server.cpu() - startCpu) / (performance.now() - startMs)) * 1e5);
      const { points, seconds } = await load;
      await server.stop();
      removeDir(data);
      if (pushMs.length < sent) say(`${sent - pushMs.length} of ${sent} points were never pushed by themselves`);
      p50.push(percentile(pushMs, 50));
      p99.push(percentile(pushMs, 99));
      ackP99.push(percentile(ackMs, 99));
      say(
        `${sent} points: push p50 ${p50[i].toFixed(2)}, p99 ${p99[i].toFixed(2)}, max ${percentile(pushMs, 100).toFixed(2)} ms; ` +
          `acks p50 ${percentile(ackMs, 50).toFixed(2)}, p99 ${ackP99[i].toFixed(2)} ms; ` +
          `load ${Math.round(points / seconds)} points/s; server CPU ${cpuShare[i].toFixed(0)} %`,
      );
    }
    const findings: Finding[] = [
      { what: "push p50", unit: "ms", runs: p50 },
      { what: "push p99", unit: "ms", runs: p99, bar: { sign: "≤", value: 15 } },
      { what: "ack p99", unit: "ms", runs: ackP99 },
      { what: "server CPU", unit: "% of a core", runs: cpuShare },
    ];
    return findings;
  },
};
