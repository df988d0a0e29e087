/** The simulated devices of the demo: machines and cold stores behind gateways, some of them with faults. */
import { faultOf } from "../simulate/fault.ts";
import type { Fleet } from "../simulate/fleet.ts";
import { coldChain } from "../simulate/profiles/cold-chain.ts";
import { factory } from "../simulate/profiles/factory.ts";
import { connectTo, retryTeller } from "./client-flags.ts";
import { Ledger } from "./simulate/ledger.ts";
import { runFleets } from "./simulate/run-fleets.ts";

/** A day passes in 24 minutes. */
const SPEED = 60;
const PAST_MS = 3_600_000;
const HOUR_MS = 3_600_000;
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

/** Fills in an hour, then goes on until `signal` aborts. Rejects with what cannot be tried again. */
export async function playFleets(server: string, signal: AbortSignal): Promise<void> {
  const nowUs = Date.now() * 1_000;
  const span = { fromUs: nowUs - PAST_MS * 1_000, toUs: Infinity, speed: SPEED, liveFromUs: nowUs };
  await runFleets({
    ...{ scenario: { seed: 1, fleets: DEMO_FLEETS }, span, ledger: new Ledger() },
    connect: () => connectTo(server),
    streamsPerConnection: STREAMS_PER_CONNECTION,
    ...{ stop: signal, cut: signal, onRetry: retryTeller(server) },
  });
}
