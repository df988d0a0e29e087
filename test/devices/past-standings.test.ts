/** How devices stood, read back out of the journal, against what was told as it happened. */
import { expect, test } from "bun:test";
import { STATUSES } from "../../src/devices/status/status.ts";
import { standingOfDevice } from "../../src/devices/past-standings.ts";
import type { DeviceStanding } from "../../src/model/device-standing.ts";
import { randomOf } from "../support/random.ts";
import { DeviceRig, Kept } from "./rig.ts";

test("at any time devices stood as it was told then, also after a restart", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1);
  const random = randomOf(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
  const ids = ["a", "b", "c", "d", "e"];
  const kept = new Kept();
  let rig = await DeviceRig.open(kept);
  const standings = new Map<string, DeviceStanding>();
  const told: { atMs: number; all: DeviceStanding[] }[] = [];
  const follow = () =>
    rig.devices.follow(({ id, event, position }) => {
      // Nobody knows later what of a flapping device is not in the journal.
      if (position === undefined) return;
      if (event.kind === "deleted") standings.delete(id);
      else standings.set(id, standingOfDevice(event.device!));
    });
  follow();
  for (let i = 0; i < 400; i++) {
    const deviceId = pick(ids);
    const what = random();
    if (what < 0.5) rig.send([rig.series("t", deviceId)]);
    else if (what < 0.6)
      await rig.register({ deviceId, site: pick(["n", "s"]), expectedIntervalMs: 20_000n }, { replace: true });
    else if (what < 0.7) await rig.update({ deviceId, type: pick(["x", "y"]) }, ["type"]).catch(() => {});
    else if (what < 0.8) await rig.call("deleteDevice", { deviceId }).catch(() => {});
    else if (what < 0.9) await rig.call("reportDevice", { deviceId, kind: pick(["birth", "death"]) }).catch(() => {});
    await rig.settle(Math.ceil(random() * 30_000));
    if (i === 200) {
      await rig.devices.close();
      rig = await DeviceRig.open(kept, rig.clock);
      follow();
    }
    told.push({ atMs: rig.clock.nowMs(), all: [...standings.values()] });
    rig.clock.advance(1);
  }
  // What was held back of flapping devices by now is told.
  for (let i = 0; i < 5; i++) await rig.settle(60_000);
  told.push({ atMs: rig.clock.nowMs(), all: [...standings.values()] });
  const sorted = (all: Iterable<DeviceStanding>) =>
    [...all].map(({ reason: _, sinceMs: __, ...others }) => others).sort((x, y) => (x.device < y.device ? -1 : 1));
  expect(told.at(-1)!.all.length).toBeGreaterThan(0);
  expect(sorted(rig.devices.standings(STATUSES))).toEqual(sorted(told.at(-1)!.all));
  for (let i = 0; i < 60; i++) {
    const [from, to] = [Math.floor(random() * told.length), Math.floor(random() * told.length)].sort((x, y) => x - y);
    const { before, changes } = await rig.devices.past(told[from].atMs + 1, told[to].atMs + 1);
    expect({ seed, from, before: sorted(before) }).toEqual({ seed, from, before: sorted(told[from].all) });
    const after = new Map(before.map((standing) => [standing.device, standing]));
    for (const { device, standing } of changes) {
      if (standing === undefined) after.delete(device);
      else after.set(device, standing);
    }
    expect({ seed, to, after: sorted(after.values()) }).toEqual({ seed, to, after: sorted(told[to].all) });
  }
});
