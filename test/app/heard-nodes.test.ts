import { expect, test } from "bun:test";
import { HeardNodes } from "../../src/app/heard-nodes.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("all are heard while each node that lives says something, over one stream", () => {
  const clock = new ManualClock();
  const live = ["a", "b"];
  const nodes = new HeardNodes({ clock, others: () => live });
  const news: boolean[] = [];
  nodes.follow((hearsAll) => news.push(hearsAll));
  nodes.look();
  const ended: string[] = [];
  const join = (id: string, stream: string) => nodes.join(id, () => ended.push(stream));
  const a = join("a", "a1");
  a.heard();
  expect(news).toEqual([false]);
  const b = join("b", "b1");
  b.heard();
  expect(news).toEqual([false, true]);
  const again = join("a", "a2");
  again.heard();
  a.leave();
  expect([ended, nodes.hearsAll]).toEqual([["a1"], true]);
  // One of them hangs; then it is gone.
  for (let i = 0; i < 10; i++) {
    again.heard();
    clock.advance(500);
  }
  expect(nodes.hearsAll).toBe(false);
  live.pop();
  nodes.look();
  expect(news).toEqual([false, true, false, true]);
  again.leave();
  expect(nodes.hearsAll).toBe(false);
  nodes.close();
});

test("streams are heard one after the other, and the event loop goes on in between", async () => {
  const nodes = new HeardNodes({ clock: new ManualClock(), others: () => [] });
  const order: string[] = [];
  const turns = ["a", "b", "c"].map(async (stream) => {
    await nodes.turn();
    order.push(stream);
    setImmediate(() => order.push("others"));
  });
  await Promise.all(turns);
  expect(order.slice(0, 5)).toEqual(["a", "others", "b", "others", "c"]);
  nodes.close();
});
