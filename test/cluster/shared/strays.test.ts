import { expect, test } from "bun:test";
import { bringStrays } from "../../../src/cluster/shared/strays.ts";
import type { LogClient } from "../../../src/log/log-client.ts";
import type { JournalEntry, JournalEvent } from "../../../src/model/journal.ts";
import { eventOf } from "../../log/journal-rig.ts";

/** A log with these strays and, behind them, these entries. */
function logOf(strays: readonly JournalEntry[], entries: readonly JournalEntry[]) {
  let areForgotten = false;
  const log = {
    strays: async () => (areForgotten ? [] : strays),
    readJournal: async ({ after }: { after: number }) => {
      const [next] = entries.filter(({ position }) => position > after);
      if (next === undefined) return { entries: [], damage: [], through: after, isLast: true };
      return { entries: [next], damage: [], through: next.position, isLast: false };
    },
    forgetStrays: async () => void (areForgotten = true),
  };
  return log as unknown as LogClient;
}

test("events of one node alone are brought once, also where a try before was cut off, and two that are alike twice", async () => {
  const at = (position: number, n: number) => ({ position, ...eventOf(n) });
  const strays = [at(5, 1), at(6, 1), at(7, 2), at(8, 3), at(9, 3)];
  const log = logOf(strays, [at(4, 1), at(100, 9), at(101, 2), at(102, 3)]);
  const brought: JournalEvent[] = [];
  const failing = bringStrays(log, async () => {
    throw new Error("not now");
  });
  await expect(failing).rejects.toThrow("not now");
  const append = async (events: readonly JournalEvent[]) => void brought.push(...events);
  expect(await bringStrays(log, append)).toBe(5);
  expect(brought).toEqual([eventOf(1), eventOf(1), eventOf(3)]);
  expect(await bringStrays(log, append)).toBe(0);
  expect(brought.length).toBe(3);
});
