/** The memory that a request of a door reserves. */
import { expect, test } from "bun:test";
import { withRowsMemory, type DoorDeps } from "../../../src/ingestion/doors/door.ts";
import { MemoryBudget } from "../../../src/ingestion/memory-budget.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MIB = 1024 * 1024;

test("a long request, read in slices, reserves no more than its rows may take, and gives it back", async () => {
  const options = { limitBytes: 20 * MIB, waitMsMax: 100, retryAfterMs: 1_000 };
  const budget = new MemoryBudget(options, new ManualClock());
  const deps = { budget } as unknown as DoorDeps;
  const { signal } = new AbortController();
  expect(budget.tryReserve(MIB)).toBe(true);
  const seen: number[] = [];
  for (const bytes of [1_000, 200 * MIB]) {
    await withRowsMemory(deps, bytes, signal, async () => void seen.push(budget.reservedBytes - MIB));
  }
  expect([seen, budget.reservedBytes]).toEqual([[1_000, 16 * MIB], MIB]);
  const failed = withRowsMemory(deps, 1_000, signal, () => Promise.reject(new Error("the log is gone")));
  await expect(failed).rejects.toThrow("the log is gone");
  expect(budget.reservedBytes).toBe(MIB);
});
