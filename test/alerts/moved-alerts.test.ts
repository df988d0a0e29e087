/** Alerts that may be in other scopes now: looked for together, soon, and only where somebody wants to know. */
import { expect, test } from "bun:test";
import type { AlertRecord } from "../../src/alerts/alert.ts";
import { MovedAlerts } from "../../src/alerts/moved-alerts.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { rest } from "./calls.ts";

function movingRig(devices: readonly string[]) {
  const clock = new ManualClock();
  const alerts = devices.map((device, i) => ({ id: `${i}`, labels: { device }, clearedAtMs: null as number | null }));
  let [move, add, isAwaited, looks, pauses] = [(_: string) => {}, (_: number) => {}, false, 0, 0];
  const told: string[][] = [];
  const moved = new MovedAlerts({
    scopes: { onMoved: (listener) => ((move = listener), () => (move = () => {})) },
    registry: {
      onAdded: (listener) => ((add = (id) => listener(id, "m")), () => (add = () => {})),
      keyOf: (id) => seriesKey("m", `source-${id}`, []),
    },
    book: {
      *active() {
        looks++;
        yield* alerts as unknown as AlertRecord[];
      },
      get: (id) => alerts.find((alert) => alert.id === id) as unknown as AlertRecord,
    },
    clock,
    run: "run",
    isAwaited: () => isAwaited,
    onMoved: () => {},
    pause: async () => void pauses++,
  });
  return {
    ...{ clock, alerts, moved, told },
    move: (device: string) => move(device),
    add: (id: number) => add(id),
    await: () => (isAwaited = true),
    follow: () => moved.follow(({ alerts: found }) => void told.push(found.map(({ id }) => id))),
    counts: () => ({ looks, pauses }),
  };
}

test("devices that move soon after each other are looked for once", async () => {
  const rig = movingRig(["a", "b", "a", "c"]);
  rig.follow();
  for (const device of ["a", "c", "d"]) rig.move(device);
  expect(rig.moved.isSettled).toBe(false);
  rig.clock.advance(999);
  await rest();
  expect([rig.told, rig.counts().looks, rig.moved.isSettled]).toEqual([[["0", "2", "3"]], 1, true]);
});

test("a version lasts until an alert has moved", async () => {
  const rig = movingRig(["a"]);
  rig.follow();
  const { version } = rig.moved;
  rig.move("b");
  rig.clock.advance(999);
  await rest();
  expect(rig.moved.version).toBe(version);
  rig.move("a");
  rig.clock.advance(999);
  await rest();
  expect(rig.moved.version).not.toBe(version);
});

test("where nobody wants to know nothing is looked for, and the version says that it is not known", async () => {
  const rig = movingRig(["a"]);
  const versions = [rig.moved.version];
  rig.move("b");
  rig.clock.advance(999);
  await rest();
  versions.push(rig.moved.version);
  rig.add(7);
  versions.push(rig.moved.version);
  expect([new Set(versions).size, rig.counts().looks]).toEqual([3, 0]);
  rig.await();
  rig.move("a");
  rig.clock.advance(999);
  await rest();
  expect(rig.counts().looks).toBe(1);
});

test("a new series may show its device to others", async () => {
  const rig = movingRig(["source-7"]);
  const stop = rig.follow();
  rig.add(7);
  rig.clock.advance(999);
  await rest();
  expect(rig.told).toEqual([["0"]]);
  stop();
  rig.add(7);
  rig.clock.advance(999);
  await rest();
  expect(rig.told.length).toBe(1);
});

test("many are looked at in pieces, and what ends meanwhile is left out", async () => {
  const rig = movingRig(Array.from({ length: 10_000 }, () => "a"));
  rig.follow();
  rig.alerts[3].clearedAtMs = 1;
  rig.move("a");
  rig.clock.advance(999);
  await rest();
  expect([rig.told[0].length, rig.told[0].includes("3"), rig.counts().pauses]).toEqual([9_999, false, 10]);
});

test("nothing is told once it is closed", async () => {
  const rig = movingRig(["a"]);
  rig.follow();
  rig.move("a");
  rig.moved.close();
  rig.clock.advance(999);
  await rest();
  expect(rig.told).toEqual([]);
});
