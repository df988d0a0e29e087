/** Random interleavings on a simulated clock: one order for all, nothing lost, nothing twice, whatever fails. */
import { expect, test } from "bun:test";
import { Simulation } from "./simulation.ts";

const SEEDS = 20;
const STEPS = 400;

/** Some are held to their limit. */
const run = (seed: number, isRenaming: boolean) =>
  Simulation.run(seed, { steps: STEPS, messagesPerSecond: seed % 4 === 0 ? 2 : 10_000, isRenaming });

test("whatever members do and whatever fails, all get the same, once, in one order", async () => {
  const first = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  const sum = { messages: 0, confirmations: 0, resumptions: 0, crashes: 0, renamings: 0 };
  for (let seed = first; seed < first + SEEDS; seed++) {
    const simulation = await run(seed, true);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += simulation[key];
  }
  // It would show nothing where nothing happens.
  for (const count of Object.values(sum)) expect(count).toBeGreaterThan(SEEDS);
}, 120_000);

test.each([[28, "a kill between a commit that came first and the one that said who had joined"]])(
  "seed %i, which found %s",
  async (seed) => {
    expect((await run(seed, false)).crashes).toBeGreaterThan(0);
  },
);
