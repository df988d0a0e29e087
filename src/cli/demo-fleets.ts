/** The simulated devices of the demo: machines and cold stores behind gateways, some of them with faults. */
import type { Connection } from "../client/connection.ts";
import { faultOf } from "../simulate/fault.ts";
import type { Fleet } from "../simulate/fleet.ts";
import { coldChain } from "../simulate/profiles/cold-chain.ts";
import { factory } from "../simulate/profiles/factory.ts";
import type { Span } from "../simulate/simulated-device.ts";
import { retryTeller } from "./client-flags.ts";
import { Ledger } from "./simulate/ledger.ts";
import { runFleets } from "./simulate/run-fleets.ts";

/** A day passes in 24 minutes. */
const SPEED = 60;
const PAST_MS = 3_600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** It begins at seven in the morning of a Wednesday: machines run, and did the two days before. Such a moment, in UTC. */
const MORNING_MS = Date.UTC(2026, 0, 7, 7);
const STREAMS_PER_CONNECTION = 20;

const COMMON = { intervalMs: 2 * 60_000, batch: 1, tags: {}, network: undefined };
export const DEMO_FLEETS: readonly Fleet[] = [
  {
    ...{ ...COMMON, name: "plant", profile: factory, devices: 8, gateways: 2, site: "hall-1" },
    faults: [
      faultOf({ kind: "spike", when: { perHour: 0.1 } }),
      faultOf({
        ...{ kind: "drift", when: { atMs: 60 * HOUR_MS, everyMs: 24 * HOUR_MS }, forMs: 12 * HOUR_MS, size: 0.4 },
        ...{ devices: "plant-machine-0003", metrics: "machine_vibration_mm_s" },
      }),
    ],
  },
  {
    ...{ ...COMMON, name: "stores", profile: coldChain, devices: 6, gateways: 1, site: "harbour" },
    faults: [faultOf({ kind: "dropout", when: { perHour: 0.05 }, forMs: HOUR_MS })],
  },
];

/** Fills in an hour where there `isPast`, then goes on until `signal` aborts. Rejects with what cannot be tried again. */
export async function playFleets(connect: () => Connection, isPast: boolean, signal: AbortSignal): Promise<void> {
  const nowMs = Date.now();
  const span = demoSpan(nowMs, isPast ? PAST_MS : 0);
  await runFleets({
    ...{ scenario: { seed: 1, fleets: DEMO_FLEETS }, span, ledger: new Ledger() },
    connect,
    streamsPerConnection: STREAMS_PER_CONNECTION,
    ...{ stop: signal, cut: signal, onRetry: retryTeller("the demo's server") },
  });
}

/** From `pastMs` before now on; what comes live begins in the last Wednesday morning. */
export function demoSpan(nowMs: number, pastMs: number): Span {
  const beganMs = nowMs - ((nowMs - MORNING_MS) % (7 * DAY_MS));
  return {
    ...{ fromUs: (nowMs - pastMs) * 1_000, liveFromUs: nowMs * 1_000, toUs: Infinity, speed: SPEED },
    simulatedFromUs: (beganMs - pastMs * SPEED) * 1_000,
  };
}
