/** From the upload of a point of a quiet series to its push, while others send much. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { percentile } from "./measure.ts";
import { measurePushes } from "./push-load.ts";
import { startWatchpost } from "./server-process.ts";

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
      const { sent, pushMs, ackMs, pointsPerSecond, cpuPercent } = await measurePushes(server, quick ? 8_000 : 30_000);
      await server.stop();
      removeDir(data);
      if (pushMs.length < sent) say(`${sent - pushMs.length} of ${sent} points were never pushed by themselves`);
      p50.push(percentile(pushMs, 50));
      p99.push(percentile(pushMs, 99));
      ackP99.push(percentile(ackMs, 99));
      cpuShare.push(cpuPercent);
      say(
        `${sent} points: push p50 ${p50[i].toFixed(2)}, p99 ${p99[i].toFixed(2)}, max ${percentile(pushMs, 100).toFixed(2)} ms; ` +
          `acks p50 ${percentile(ackMs, 50).toFixed(2)}, p99 ${ackP99[i].toFixed(2)} ms; ` +
          `load ${Math.round(pointsPerSecond)} points/s; server CPU ${cpuPercent.toFixed(0)} %`,
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
