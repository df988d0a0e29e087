import { expect, test } from "bun:test";
import { Outbox, UNSENT_MAX, type Draft, type Outcome } from "../../src/console/data/outbox.ts";

const chat = (message: string): Draft => ({ userId: "ann", messageType: "chat", message, metadata: {} });

/** A server that answers when the test says so. */
function rig() {
  const sent: { id: string; text: string; answer: (outcome: Outcome) => Promise<void> }[] = [];
  const pauses: { ms: number; callback: () => void }[] = [];
  let last = 0;
  const outbox = new Outbox({
    send(draft, id) {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const answer = async (outcome: Outcome) => {
        resolve(outcome);
        await promise;
        await Promise.resolve();
      };
      sent.push({ id, text: draft.message, answer });
      return promise;
    },
    newId: () => `id-${++last}`,
    after(ms, callback) {
      const pause = { ms, callback };
      pauses.push(pause);
      return () => void (pauses.includes(pause) && pauses.splice(pauses.indexOf(pause), 1));
    },
  });
  const elapse = () => pauses.splice(0).forEach(({ callback }) => callback());
  const states = () => outbox.unsent.value.map(({ draft, state }) => `${draft.message} ${state}`);
  return { outbox, sent, pauses, elapse, states };
}

test("one after the other; what is kept stands until it is seen among what all say", async () => {
  const { outbox, sent, states } = rig();
  outbox.add(chat("a"));
  outbox.add(chat("b"));
  expect(sent.map(({ text }) => text)).toEqual(["a"]);
  await sent[0].answer({ kind: "kept" });
  expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
  expect(states()).toEqual(["a sent", "b sending"]);
  outbox.arrived("id-1");
  expect(states()).toEqual(["b sending"]);
});

test("what may have arrived is sent again under its id, before what was written later", async () => {
  const { outbox, sent, pauses, elapse, states } = rig();
  outbox.add(chat("a"));
  outbox.add(chat("b"));
  await sent[0].answer({ kind: "again", reason: "the server is away" });
  expect(states()).toEqual(["a again", "b waits"]);
  expect(outbox.waiting.value).toBe(2);
  elapse();
  expect(sent.map(({ id }) => id)).toEqual(["id-1", "id-1"]);
  await sent[1].answer({ kind: "again", reason: "the server is away" });
  expect(pauses[0].ms).toBeGreaterThan(500);
  outbox.hurry();
  expect(pauses).toEqual([]);
  await sent[2].answer({ kind: "kept" });
  expect(sent.map(({ id }) => id)).toEqual(["id-1", "id-1", "id-1", "id-2"]);
});

test("whoever writes too fast waits for as long as the server says", async () => {
  const { outbox, sent, pauses } = rig();
  outbox.add(chat("a"));
  await sent[0].answer({ kind: "again", reason: "more than 50 a second", afterMs: 1_234 });
  expect(pauses.map(({ ms }) => ms)).toEqual([1_234]);
});

test("what is refused says why and lets the others pass; it can be sent again under its id, or discarded", async () => {
  const { outbox, sent, states } = rig();
  outbox.add(chat("a"));
  outbox.add(chat("b"));
  await sent[0].answer({ kind: "refused", reason: "no alert begins so" });
  expect(outbox.unsent.value[0].reason).toBe("no alert begins so");
  await sent[1].answer({ kind: "kept" });
  expect(states()).toEqual(["a refused", "b sent"]);
  expect(outbox.waiting.value).toBe(0);
  outbox.retry("id-1");
  expect(sent.at(-1)!.id).toBe("id-1");
  await sent.at(-1)!.answer({ kind: "refused", reason: "no" });
  outbox.discard("id-1");
  outbox.clearSent();
  expect(states()).toEqual([]);
});

test("what came although its answer was lost is not sent again", async () => {
  const { outbox, sent, elapse, states } = rig();
  outbox.add(chat("a"));
  await sent[0].answer({ kind: "again", reason: "lost" });
  outbox.arrived("id-1");
  elapse();
  expect([sent.length, states()]).toEqual([1, []]);
});

test("more than a bound is not taken, and says so", () => {
  const { outbox } = rig();
  const taken = Array.from({ length: UNSENT_MAX + 1 }, (_, i) => outbox.add(chat(String(i))));
  expect(taken.indexOf(false)).toBe(UNSENT_MAX);
});
