/** A message of more points than one call of TakePoints takes. */
import { expect, test } from "bun:test";
import { Inbox, type Stored } from "../../../src/edge/mqtt/inbox.ts";
import type { TakePoints } from "../../../src/model/incoming-point.ts";
import { BATCH_POINTS_MAX } from "../../../src/model/limits.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const point = (value: number) => ({ metric: "m", source: "s", tags: [], timeUs: value, value });

test("it is several calls, in order, and stored once all of them are; refusals keep their places", async () => {
  const calls: number[] = [];
  let failures = 1;
  const takePoints: TakePoints = async (points) => {
    if (calls.length === 1 && failures-- > 0) throw new Error("not now");
    calls.push(points.length);
    const refused = points.flatMap(({ value }, index) =>
      value % 9_000 === 1 ? [{ index, reason: `no ${value}` }] : [],
    );
    return { kept: points.length - refused.length, refusedTotal: refused.length, refused };
  };
  const clock = new ManualClock();
  const stored = Promise.withResolvers<Stored>();
  const order: string[] = [];
  const inbox = new Inbox(
    { messagesMax: 10 },
    {
      ...{ takePoints, clock, random: () => 0.5, defer: (run: () => void) => void setImmediate(run) },
      onStored: stored.resolve,
      onHeldBack: () => {
        order.push("held back");
        setImmediate(() => clock.advance(10_000));
      },
      onRoom: () => {},
    },
  );
  const points = Array.from({ length: 2 * BATCH_POINTS_MAX + 5_000 }, (_, i) => point(i));
  inbox.add({ points, bytes: 10, topic: 0, onStored: () => void order.push("stored") });
  const { taken } = await stored.promise;
  expect(calls).toEqual([BATCH_POINTS_MAX, BATCH_POINTS_MAX, 5_000]);
  expect(taken).toEqual({
    kept: points.length - 3,
    refusedTotal: 3,
    refused: [1, 9_001, 18_001].map((index) => ({ index, reason: `no ${index}` })),
  });
  await inbox.close(1_000);
  expect(order).toEqual(["held back", "stored"]);
});
