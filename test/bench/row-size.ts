/** What a point takes on the disk once everything has settled. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { sendHistory, startTarget } from "./ingest-load.ts";
import { directoryBytes, directorySettled } from "./measure.ts";
import { victoriaMetrics, type Peer, type PeerServer } from "./peers.ts";

const SERIES = 1_000;
const SIZES = [
  { points: 2_000_000, bar: 0.9 },
  { points: 8_640_000, bar: 0.75 },
];

export const sizeRow: BenchRow = {
  name: "size",
  about: "data directory after settling, 2-decimal walk (σ 0.1) every 10 s, 1,000 series, everything included",
  async run(options) {
    if (victoriaMetrics.missing !== undefined) say(`VictoriaMetrics skipped: ${victoriaMetrics.missing}`);
    const findings: Finding[] = [];
    for (const { points, bar } of SIZES) {
      const what = `${points / 1e6} M points`;
      const bytes = await bytesAPoint(undefined, points, options);
      findings.push({ what, unit: "bytes/point", runs: [bytes], bar: { sign: "≤", value: bar } });
      if (victoriaMetrics.missing !== undefined) continue;
      const peerBytes = await bytesAPoint(victoriaMetrics, points, options);
      findings.push({ what: `VictoriaMetrics ${what}`, unit: "bytes/point", runs: [peerBytes] });
    }
    return findings;
  },
};

async function bytesAPoint(peer: Peer | undefined, points: number, { quick }: BenchOptions): Promise<number> {
  const data = tempDir("size");
  const stillMs = quick ? 3_000 : 15_000;
  const name = peer?.name ?? "Watchpost";
  const measure = () => directoryBytes(data) / points;
  const { server, target } = await startTarget(peer, data);
  await sendHistory(target, { series: SERIES, points });
  if (peer !== undefined) await (server as PeerServer).settle();
  await server.stop();
  const sealed = measure();
  const again = (await startTarget(peer, data)).server;
  if (!(await directorySettled(data, stillMs, 120_000))) say(`${name} did not settle within 120 s`);
  const settled = measure();
  const stored = await again.stored();
  if (stored !== points) throw new Error(`${name} holds ${stored} points; wanted ${points}`);
  await again.stop();
  const stopped = measure();
  say(
    `${name}, ${points / 1e6} M points: ${sealed.toFixed(3)} bytes a point after a stop, ` +
      `${settled.toFixed(3)} settled and running, ${stopped.toFixed(3)} stopped again`,
  );
  removeDir(data);
  return stopped;
}
