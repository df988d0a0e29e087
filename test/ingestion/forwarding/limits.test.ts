/** A node that forwards more than it may: nothing of it is lost, and it goes on as fast as it may. */
import { expect, test } from "bun:test";
import { Limits } from "../../../src/access/limits.ts";
import { UNLIMITED } from "../../access/rig.ts";
import { createRig } from "../rig.ts";
import { hello, part, Sender, SERIES, settle, type Row } from "./sender.ts";

test("it is refused once what came is acknowledged, and goes on from there later", async () => {
  const rig = createRig();
  const settings = { ...UNLIMITED, points_per_second: 1 };
  const limits = new Limits({ settings, clock: rig.clock, onLimited: () => {} });
  const allowance = limits.allowanceOf({ isAuthenticated: true, name: "gw" }, "");
  const rows = Array.from({ length: 12 }, (_, i): Row => [7, 100 + i, i]);
  const sender = new Sender(rig, hello(), {}, allowance);
  sender.send(part(1, 4, rows, { series: SERIES })).send(part(4, 6, [[7, 200, 2]]));
  await settle(rig);
  expect(sender.committed).toEqual(["1-4"]);
  expect(sender.failure).toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: expect.stringContaining("(limits.points_per_second is 1)"),
  });
  rig.clock.advance(5_000);
  const again = new Sender(rig, hello({ session: 2n }), {}, allowance);
  again.send(part(4, 6, [[7, 200, 2]], { series: SERIES }));
  await settle(rig);
  expect(again.committed.at(-1)).toBe("4-6");
});

test("new series: they are made, and what comes after them waits", async () => {
  const rig = createRig();
  const settings = { ...UNLIMITED, new_series_per_hour: 1 };
  const limits = new Limits({ settings, clock: rig.clock, onLimited: () => {} });
  const allowance = limits.allowanceOf({ isAuthenticated: true, name: "gw" }, "");
  const sender = new Sender(rig, hello(), {}, allowance);
  sender.send(part(1, 4, [[7, 100, 1], [9, 100, 1]], { series: SERIES })).send(part(4, 6, [[7, 200, 2]])); // prettier-ignore
  await settle(rig);
  expect(sender.committed).toEqual(["1-4"]);
  expect(rig.registry.count).toBe(2);
  expect(sender.failure).toMatchObject({
    message: expect.stringContaining("(limits.new_series_per_hour is 1)"),
  });
});
