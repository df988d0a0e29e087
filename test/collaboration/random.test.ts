/** Random interleavings on a simulated clock: one order for all, nothing lost, nothing twice, whatever fails. */
import { expect, test } from "bun:test";
import { Simulation } from "./simulation.ts";

const SEEDS = 60;
const STEPS = 400;

test("whatever members do and whatever fails, all get the same, once, in one order", async () => {
  const first = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  const sum = { messages: 0, confirmations: 0, resumptions: 0, crashes: 0 };
  for (let seed = first; seed < first + SEEDS; seed++) {
    // Some are held to their limit.
    const simulation = await Simulation.run(seed, { steps: STEPS, messagesPerSecond: seed % 4 === 0 ? 2 : 10_000 });
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += simulation[key];
  }
  // It would show nothing where nothing happens.
  for (const count of Object.values(sum)) expect(count).toBeGreaterThan(SEEDS);
});
