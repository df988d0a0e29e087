/** The committer: what shares a record, in which order things happen, and what a failing log does. */
import { expect, test } from "bun:test";
import { definitionsOfRecord, frameOfRecord } from "../../src/log/record.ts";
import { createRig, turns } from "./rig.ts";

function add(rig: ReturnType<typeof createRig>, value: number, metric = "m") {
  const key = `${metric}\0s`;
  const id = rig.registry.idOf(key) ?? (rig.registry.add(key, "s") as number);
  return addRows(rig, id, value, 1);
}

function addRows({ committer }: ReturnType<typeof createRig>, id: number, value: number, count: number) {
  const { at, seriesIds, timesUs, values } = committer.room();
  seriesIds.fill(id, at, at + count);
  timesUs.fill(1, at, at + count);
  values.fill(value, at, at + count);
  return committer.add(count);
}

function valuesOf(record: ArrayBuffer): number[] {
  return [...frameOfRecord(record).values];
}

test("what arrives together shares a record; what arrives while the log is busy shares the next but one", async () => {
  const rig = createRig();
  rig.log.held = true;
  for (let value = 0; value < 3; value++) add(rig, value);
  await turns();
  for (let value = 10; value < 13; value++) {
    add(rig, value);
    await turns();
  }
  expect(rig.log.waiting.map(({ record }) => valuesOf(record))).toEqual([[0, 1, 2], [10]]);
  rig.log.sync(1);
  await turns();
  expect(rig.log.waiting.map(({ record }) => valuesOf(record))).toEqual([[10], [11, 12]]);
});

test("commit, then publish, then absorb, then ack; sequences ascend by one", async () => {
  const rig = createRig();
  rig.log.held = true;
  const happened: string[] = [];
  rig.bus.subscribe((frame) => void happened.push(`publish ${frame.seq}`));
  for (const value of [1, 2]) {
    add(rig, value).done.then(() => happened.push(`ack ${value}, ${rig.absorbed.length} absorbed`));
    await turns();
  }
  expect(happened).toEqual([]);
  rig.log.sync();
  await turns();
  expect(happened.filter((h) => h.startsWith("publish"))).toEqual(["publish 0", "publish 1"]);
  expect(happened.indexOf("publish 0")).toBeLessThan(happened.findIndex((h) => h.startsWith("ack 1")));
  expect(happened.filter((h) => h.startsWith("ack 1"))[0]).not.toContain(" 0 absorbed");
});

test("a series that is deleted before its first record is not defined by it; one of the same name after it is", async () => {
  const rig = createRig();
  add(rig, 1, "a");
  add(rig, 2, "b");
  rig.registry.forget([1]);
  add(rig, 3, "a");
  await turns();
  expect(definitionsOfRecord(rig.log.synced[0])).toEqual([
    { id: 2, key: "b\0s" },
    { id: 3, key: "a\0s" },
  ]);
  expect([...frameOfRecord(rig.log.synced[0]).seriesIds]).toEqual([1, 2, 3]);
});

test("a record holds the series it is the first to use, again after it was refused", async () => {
  const rig = createRig();
  add(rig, 1, "a");
  await turns();
  expect(definitionsOfRecord(rig.log.synced[0])).toEqual([{ id: 1, key: "a\0s" }]);
  rig.log.held = true;
  const refused = add(rig, 2, "b");
  refused.done.catch(() => {});
  await turns();
  rig.log.fail("no space left on device");
  await expect(refused.done).rejects.toThrow("no space");
  expect(rig.logStates).toEqual(["no space left on device"]);
  expect(() => add(rig, 3, "c")).toThrow("no space");
  rig.log.held = false;
  rig.clock.advance(1_000);
  await turns();
  expect(rig.logStates).toEqual(["no space left on device", undefined]);
  add(rig, 4, "d");
  await turns();
  const record = rig.log.synced[1];
  expect(frameOfRecord(record).seq).toBe(1_000);
  expect(definitionsOfRecord(record).map(({ key }) => key)).toEqual(["b\0s", "c\0s", "d\0s"]);
});

test("frames that do not fit one record become several, in order", async () => {
  const rig = createRig();
  rig.log.held = true;
  const id = rig.registry.add("m\0s", "s") as number;
  for (let batch = 0; batch < 15; batch++) addRows(rig, id, batch, 10_000);
  rig.log.held = false;
  rig.log.sync();
  await rig.committer.drained();
  expect(rig.log.synced.map((record) => frameOfRecord(record).count)).toEqual([60_000, 60_000, 30_000]);
  expect(valuesOf(rig.log.synced[2])[0]).toBe(12);
});
