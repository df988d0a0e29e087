/** Which nodes there are, as the shared journal has it. */
import { expect, test } from "bun:test";
import { NODE_KEPT_MS, NodeRegister } from "../../src/cluster/node-register.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { DocumentChange } from "../../src/model/journal.ts";
import { turns } from "../ingestion/rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

function createRig() {
  const listeners = new Set<(changes: readonly DocumentChange[]) => void>();
  const journal = Object.assign(new MemoryJournal(), {
    followChanges(listener: (changes: readonly DocumentChange[]) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
  const clock = new ManualClock(1_800_000_000_000);
  const live = new Set<string>();
  const troubles: string[] = [];
  const forgotten: string[] = [];
  let changes = 0;
  const open = (nodeId: string) =>
    NodeRegister.open({
      ...{ journal, clock, self: { nodeId, name: `node ${nodeId}`, version: "1" } },
      isLive: (id) => live.has(id),
      onChanged: () => void changes++,
      onForgotten: (id) => void forgotten.push(id),
      onTrouble: (sentence) => void troubles.push(sentence),
    });
  const tell = (told: readonly DocumentChange[]) => listeners.forEach((listener) => listener(told));
  return { journal, clock, live, troubles, open, tell, forgotten, changes: () => changes };
}

const idsOf = (register: NodeRegister) => [...register.nodes].map(({ nodeId }) => nodeId).sort();

test("each is written down and read by the next, until it has not been seen for a week, or is forgotten", async () => {
  const { clock, live, open, tell, forgotten, changes } = createRig();
  const a = await open("a");
  await turns();
  const b = await open("b");
  await turns();
  expect([idsOf(a), idsOf(b)]).toEqual([["a"], ["a", "b"]]);
  tell([{ collection: "cluster.node", key: "b", sort: 0, value: JSON.stringify({ name: "node b", seenAtMs: 7 }) }]);
  tell([{ collection: "other", key: "b", sort: 0, value: null }]);
  expect([idsOf(a), changes()]).toEqual([["a", "b"], 2]);
  expect([...a.nodes].at(-1)).toEqual({ nodeId: "b", name: "node b", version: "", seenAtMs: 7 });
  tell([{ collection: "cluster.node", key: "x", sort: 0, value: null }]);
  expect(forgotten).toEqual(["x", "x"]);
  a.close();
  b.close();
  for (const id of ["a", "b"]) live.add(id);
  clock.advance(NODE_KEPT_MS + 1);
  await turns();
  const c = await open("c");
  await turns();
  // They live, though they do not write.
  expect(idsOf(c)).toEqual(["a", "b", "c"]);
  live.delete("a");
  clock.advance(24 * 3_600_000);
  await turns();
  expect(idsOf(c)).toEqual(["b", "c"]);
  await c.forget(["b", "nobody"]);
  expect(idsOf(c)).toEqual(["c"]);
  expect(idsOf(await open("d"))).toEqual(["c", "d"]);
});

test("one that cannot be written is tried again, and said", async () => {
  const { journal, clock, troubles, open } = createRig();
  journal.failure = new WatchpostError("UNAVAILABLE", "Redis is away");
  const a = await open("a");
  await turns();
  expect([idsOf(a), troubles]).toEqual([[], [expect.stringContaining("Redis is away")]]);
  journal.failure = null;
  clock.advance(10_000);
  await turns();
  expect(idsOf(a)).toEqual(["a"]);
  a.close();
});
