import { expect, test } from "bun:test";
import { QueueCount } from "../../../src/edge/upstream/queue-count.ts";
import type { SequencesHeld } from "../../../src/store/backlog-protocol.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("the queue is counted once for all who ask meanwhile, and as seldom as it takes long; a failure is not kept", async () => {
  const clock = new ManualClock();
  const asked: PromiseWithResolvers<SequencesHeld>[] = [];
  const count = new QueueCount(clock, () => {
    asked.push(Promise.withResolvers());
    return asked.at(-1)!.promise;
  });
  const held = (points: number) => ({ points }) as SequencesHeld;
  const both = [count.of([[0, 1]]), count.of([[0, 2]])];
  clock.advance(100);
  asked[0].resolve(held(7));
  expect((await Promise.all(both)).map((each) => [each.undelivered, each.held.points])).toEqual([
    [[[0, 1]], 7],
    [[[0, 1]], 7],
  ]);
  clock.advance(1_999);
  expect((await count.of([[0, 3]])).held.points).toBe(7);
  clock.advance(1);
  const failed = count.of([[0, 4]]);
  asked[1].reject(new Error("the store is away"));
  expect(failed).rejects.toThrow("the store is away");
  await failed.catch(() => {});
  const again = count.of([[0, 5]]);
  asked[2].resolve(held(9));
  expect((await again).held.points).toBe(9);
});
