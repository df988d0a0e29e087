import { expect, test } from "bun:test";
import { Outbox, type Outcome } from "../../src/console/data/outbox.ts";
import { Outboxes } from "../../src/console/data/outboxes.ts";

function rig() {
  const answers: ((outcome: Outcome) => void)[] = [];
  let last = 0;
  const made: string[] = [];
  const outboxes = new Outboxes((sessionId) => {
    made.push(sessionId);
    return new Outbox({
      send: () => new Promise((resolve) => answers.push(resolve)),
      newId: () => `id-${++last}`,
      after: () => () => {},
    });
  });
  const write = (sessionId: string, message: string) =>
    outboxes.of(sessionId).add({ userId: "ann", messageType: "chat", message, metadata: {} });
  const answer = async (outcome: Outcome) => {
    answers.shift()!(outcome);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { outboxes, made, write, answer };
}

test("what waits or was refused in a session is there when one comes back to it", async () => {
  const { outboxes, write, answer } = rig();
  write("a", "pump is hot");
  outboxes.of("b");
  expect(outboxes.waiting.value).toBe(1);
  expect(outboxes.of("a").unsent.value.map(({ draft }) => draft.message)).toEqual(["pump is hot"]);
  outboxes.of("b");
  await answer({ kind: "refused", reason: "it was closed" });
  expect([outboxes.waiting.value, [...outboxes.refused.value]]).toEqual([0, [["a", 1]]]);
  const [unsent] = outboxes.of("a").unsent.value;
  expect([unsent.state, unsent.reason]).toEqual(["refused", "it was closed"]);
  outboxes.of("a").discard(unsent.id);
  expect([...outboxes.refused.value]).toEqual([]);
});

test("those in which all is kept are let go with the next session", async () => {
  const { outboxes, made, write, answer } = rig();
  write("a", "one");
  await answer({ kind: "kept" });
  outboxes.of("b");
  outboxes.of("a");
  expect(made).toEqual(["a", "b", "a"]);
});
