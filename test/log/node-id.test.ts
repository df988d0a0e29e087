import { expect, test } from "bun:test";
import { nodeIdOf } from "../../src/log/node-id.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

function journalOf(memory: MemoryJournal, epoch: number) {
  return {
    epoch,
    document: memory.document.bind(memory),
    append: memory.append.bind(memory),
  };
}

test("is made once, kept, and another one after a restore", async () => {
  const memory = new MemoryJournal();
  let made = 0;
  const newId = () => `node-${++made}`;
  const nodeId = nodeIdOf(journalOf(memory, 1), newId);
  expect(await Promise.all([nodeId(), nodeId()])).toEqual(["node-1", "node-1"]);
  expect(await nodeIdOf(journalOf(memory, 1), newId)()).toBe("node-1");
  expect(await nodeIdOf(journalOf(memory, 2), newId)()).toBe("node-2");
});

test("is asked for again where it could not be written", async () => {
  const memory = new MemoryJournal();
  memory.failure = new Error("disk is full");
  const nodeId = nodeIdOf(journalOf(memory, 1), () => "node-1");
  expect(nodeId()).rejects.toThrow("disk is full");
  await Bun.sleep(0);
  memory.failure = null;
  expect(await nodeId()).toBe("node-1");
});
