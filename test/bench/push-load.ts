/** Pushes of quiet series while 100,000 points/s stream in. */
import type { ProbeConfig, ProbeResult } from "./push-probe.ts";
import { startChild, startSenders } from "./sender-process.ts";
import type { WatchpostServer } from "./server-process.ts";

const RATE = 100_000;
const SERIES = 1_000;
const BATCH_POINTS = 1_000;
/** The load begins before the probe, and ends after it. */
const [BEFORE_MS, AROUND_MS] = [1_500, 4_000];

export interface Pushes extends ProbeResult {
  /** Of the load. */
  readonly pointsPerSecond: number;
  /** Of a core. */
  readonly cpuPercent: number;
}

export async function measurePushes(server: WatchpostServer, durationMs: number): Promise<Pushes> {
  const senders = await startSenders(
    {
      kind: "stream",
      address: server.grpc,
      messagePoints: BATCH_POINTS,
      rate: RATE,
      durationMs: durationMs + AROUND_MS,
      startUs: Date.now() * 1_000,
      stepUs: (SERIES / RATE) * 1e6,
      batchesInFlightMax: 100,
    },
    SERIES,
    1,
  );
  const config: ProbeConfig = { address: server.grpc, series: 5, everyMs: 90, durationMs };
  const probe = startChild<ProbeResult>("push-probe.ts", config);
  await probe.ready;
  const load = senders.run();
  await Bun.sleep(BEFORE_MS);
  const [startMs, startCpu] = [performance.now(), server.cpu()];
  probe.go();
  const result = await probe.result;
  const cpuPercent = ((server.cpu() - startCpu) / (performance.now() - startMs)) * 1e5;
  const { points, seconds } = await load;
  return { ...result, pointsPerSecond: points / seconds, cpuPercent };
}
