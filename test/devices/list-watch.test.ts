/** Lists and streams of devices: filters, orders, pages; snapshots, changes, cursors, readers that fall behind. */
import { expect, test } from "bun:test";
import { randomOf } from "../support/random.ts";
import type { Device } from "../../src/wire/gen/devices_pb.ts";
import { DeviceRig, Kept } from "./rig.ts";

const fails = (run: Promise<unknown>, status: string, text: string) =>
  expect(run).rejects.toMatchObject({ status, message: expect.stringContaining(text) });

async function fleet(): Promise<DeviceRig> {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "gw-1", type: "gateway", site: "north" });
  await rig.register({
    deviceId: "p-1",
    type: "pump",
    site: "north",
    parent: "gw-1",
    name: "Loud One",
    tags: { line: "4" },
  });
  await rig.register({ deviceId: "p-2", type: "pump", site: "south", tags: { line: "4", old: "yes" } });
  await rig.register({ deviceId: "Q-3", type: "meter", site: "south" });
  rig.send([rig.series("t", "p-1"), rig.series("t", "found")]);
  await rig.settle();
  return rig;
}

test("filters: all that are given hold, within one any; totals are of all that is found", async () => {
  const rig = await fleet();
  const ids = async (request: object) => (await rig.list(request)).devices.map(({ deviceId }) => deviceId);
  expect(await ids({})).toEqual(["Q-3", "found", "gw-1", "p-1", "p-2"]);
  expect(await ids({ statuses: ["online"] })).toEqual(["found", "p-1"]);
  expect(await ids({ sites: ["north", "south"], types: ["pump"] })).toEqual(["p-1", "p-2"]);
  expect(await ids({ parents: ["gw-1"] })).toEqual(["p-1"]);
  expect(await ids({ tags: { line: "4", old: "yes" } })).toEqual(["p-2"]);
  expect(await ids({ search: "lOUD" })).toEqual(["p-1"]);
  expect(await ids({ search: "q-" })).toEqual(["Q-3"]);
  expect(await ids({ sites: [""] })).toEqual(["found"]);
  expect(await rig.list({ types: ["pump"], pageSize: 1 })).toMatchObject({
    total: 2n,
    byStatus: { online: 1n, never_seen: 1n },
  });
  await fails(rig.list({ statuses: ["gone"] }), "INVALID_ARGUMENT", 'statuses is "gone"; wanted never_seen, online');
  await fails(rig.list({ pageSize: 1_001 }), "INVALID_ARGUMENT", "page_size is 1001");
  await fails(rig.list({ orderBy: "age" }), "INVALID_ARGUMENT", 'order_by is "age"');
  await fails(rig.list({ pageToken: "x" }), "INVALID_ARGUMENT", 'page_token is "x"');
});

test("pages hold each device once, in any order and of any size, as one list would", async () => {
  const rig = await DeviceRig.open();
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1);
  const random = randomOf(seed);
  const names = ["b", "a", "c", ""];
  for (let i = 0; i < 60; i++) {
    await rig.register({
      deviceId: `d${Math.floor(random() * 1e6)}-${i}`,
      name: names[i % 4],
      site: `s${Math.floor(random() * 3)}`,
    });
  }
  rig.send([...(await rig.list()).devices].slice(0, 20).map(({ deviceId }) => rig.series("t", deviceId)));
  await rig.settle();
  for (const orderBy of ["", "-id", "name", "-name", "site", "status", "-last_seen"]) {
    const all = (await rig.list({ orderBy, pageSize: 1_000 })).devices.map(({ deviceId }) => deviceId);
    expect(all).toHaveLength(60);
    const paged: string[] = [];
    for (let pageToken = ""; ;) {
      const { devices, nextPageToken, total } = await rig.list({
        orderBy,
        pageToken,
        pageSize: 1 + Math.floor(random() * 9),
      });
      expect(total).toBe(60n);
      paged.push(...devices.map(({ deviceId }) => deviceId));
      if ((pageToken = nextPageToken) === "") break;
    }
    expect({ seed, orderBy, paged }).toEqual({ seed, orderBy, paged: all });
    expect(new Set(all).size).toBe(60);
  }
  const byName = (await rig.list({ orderBy: "name", pageSize: 1_000 })).devices.map(({ name }) => name);
  expect(byName).toEqual(byName.toSorted());
  expect((await rig.list({ orderBy: "-status", pageSize: 1 })).devices[0].status).toBe("online");
  const { nextPageToken } = await rig.list({ pageSize: 1 });
  await fails(rig.list({ pageToken: nextPageToken, orderBy: "name" }), "INVALID_ARGUMENT", "in the same order");
});

test("a stream is what stands, a mark, then each change once; with a cursor it goes on behind it", async () => {
  const rig = await fleet();
  const watcher = rig.watch({ sites: ["north"] });
  const snapshot = await watcher.snapshot();
  expect(snapshot.map(({ kind, device, cursor }) => [kind, device?.deviceId, cursor !== ""])).toEqual([
    ["snapshot", "gw-1", false],
    ["snapshot", "p-1", false],
    ["snapshot_end", undefined, true],
  ]);
  await rig.update({ deviceId: "p-1", name: "Quiet" }, ["name"], { userId: "ann" });
  await rig.update({ deviceId: "p-2", name: "not of it" }, ["name"]);
  await rig.update({ deviceId: "Q-3", site: "north" }, ["site"]);
  await rig.update({ deviceId: "p-1", site: "south" }, ["site"]);
  await rig.call("deleteDevice", { deviceId: "gw-1" });
  await rig.register({ deviceId: "new", site: "north" });
  const told = await watcher.take(5);
  expect(told.map(({ kind, device, actor }) => [kind, device!.deviceId, actor])).toEqual([
    ["updated", "p-1", "ann"],
    ["updated", "Q-3", "anonymous"],
    ["left", "p-1", "anonymous"],
    ["deleted", "gw-1", "anonymous"],
    ["registered", "new", "anonymous"],
  ]);
  watcher.close();
  const resumed = rig.watch({ sites: ["north"], cursor: told[1].cursor });
  expect(await resumed.take(3)).toEqual(told.slice(2));
  resumed.close();
  const again = rig.watch({ sites: ["north"], cursor: snapshot.at(-1)!.cursor });
  expect(await again.take(5)).toEqual(told);
  again.close();
});

test("changes of the status enter and leave a filter of it", async () => {
  const rig = await fleet();
  const watcher = rig.watch({ statuses: ["offline"] });
  expect((await watcher.snapshot()).map(({ kind }) => kind)).toEqual(["snapshot_end"]);
  await rig.call("reportDevice", { deviceId: "gw-1", kind: "death", reason: "gone" });
  rig.clock.advance(1_000);
  await rig.call("reportDevice", { deviceId: "gw-1", kind: "birth", reason: "here" });
  const told = await watcher.take(2);
  expect(
    told.map(({ kind, device, previousStatus }) => [kind, device!.deviceId, device!.status, previousStatus]),
  ).toEqual([
    ["status", "gw-1", "offline", "never_seen"],
    ["left", "gw-1", "", ""],
  ]);
  watcher.close();
});

test("of one that flaps the status is that of now in answers, streams and for rules; the journal has one change a minute", async () => {
  const rig = await fleet();
  const heard: string[] = [];
  await rig.call("deleteDevice", { deviceId: "p-1" });
  rig.devices.follow(({ event }) => void heard.push(event.device!.status));
  const [all, offline] = [rig.watch(), rig.watch({ statuses: ["offline"] })];
  await all.snapshot();
  await offline.snapshot();
  const kinds = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? "birth" : "death"));
  for (const kind of kinds) {
    rig.clock.advance(1_000);
    const { device } = (await rig.call("reportDevice", { deviceId: "gw-1", kind })) as { device: Device };
    const status = kind === "birth" ? "online" : "offline";
    expect(device.status).toBe(status);
    expect((await rig.get("gw-1")).device!.status).toBe(status);
    expect(
      (await rig.list({ statuses: [status], types: ["gateway"] })).devices.map(({ deviceId }) => deviceId),
    ).toEqual(["gw-1"]);
    expect([rig.devices.statusOf("gw-1"), rig.devices.countOf.get("offline")]).toEqual([
      status,
      kind === "birth" ? 0 : 1,
    ]);
  }
  const statuses = kinds.map((kind) => (kind === "birth" ? "online" : "offline"));
  expect(heard).toEqual(statuses);
  const told = await all.take(20);
  expect(told.map(({ device, previousStatus }) => [previousStatus, device!.status])).toEqual(
    statuses.map((status, i) => [statuses[i - 1] ?? "never_seen", status]),
  );
  expect((await offline.take(19)).map(({ kind }) => kind)).toEqual(
    statuses.slice(1).map((status) => (status === "offline" ? "status" : "left")),
  );
  const journaled = rig.journaled("gw-1").filter((line) => line.startsWith("status"));
  expect(journaled.length).toBeLessThan(10);
  // Whoever comes back hears how it stands, wherever the journal ends.
  rig.clock.advance(1_000);
  await rig.call("reportDevice", { deviceId: "gw-1", kind: "birth" });
  const resumed = [
    rig.watch({ cursor: told[19].cursor }),
    rig.watch({ statuses: ["offline"], cursor: told[19].cursor }),
  ];
  expect(await resumed[0].next()).toMatchObject({ kind: "status", device: { deviceId: "gw-1", status: "online" } });
  expect(await resumed[1].next()).toMatchObject({ kind: "left", device: { deviceId: "gw-1" } });
  for (const watcher of [all, offline, ...resumed]) watcher.close();
  await rig.settle(60_000);
  await rig.call("reportDevice", { deviceId: "gw-1", kind: "death" });
  const { events } = await rig.get("gw-1", 1);
  expect(events[0].omitted).toBeGreaterThan(10n);
  expect(events[0].device!.status).toBe("online");
});

test("what a flapping device is, which the journal does not have, is kept over a restart, in order or within seconds", async () => {
  for (const isKilled of [false, true]) {
    const kept = new Kept();
    const rig = await DeviceRig.open(kept);
    await rig.register({ deviceId: "p" });
    for (let i = 0; i < 21; i++) {
      rig.clock.advance(1_000);
      await rig.call("reportDevice", { deviceId: "p", kind: i % 2 === 0 ? "birth" : "death" });
    }
    expect(rig.journaled("p").at(-1)).toBe("status offline by anonymous");
    if (!isKilled) await rig.devices.close();
    for (let i = 0; isKilled && i < 20; i++) await rig.settle();
    const next = await DeviceRig.open(kept, rig.clock);
    await next.settle();
    expect((await next.get("p")).device).toMatchObject({ status: "online", isFlapping: true });
  }
});

test("what changes while the snapshot is read comes behind its mark", async () => {
  const rig = await fleet();
  const watcher = rig.watch();
  const first = await watcher.next();
  await rig.call("deleteDevice", { deviceId: "p-2" });
  await rig.register({ deviceId: "a-new" });
  const rest = await watcher.snapshot();
  expect([first, ...rest].map(({ device }) => device?.deviceId)).toEqual([
    "Q-3",
    "found",
    "gw-1",
    "p-1",
    "p-2",
    undefined,
  ]);
  expect((await watcher.take(2)).map(({ kind, device }) => [kind, device!.deviceId])).toEqual([
    ["deleted", "p-2"],
    ["registered", "a-new"],
  ]);
  watcher.close();
});

test("cursors that nobody can go on from are out of range; who falls behind is told to come again", async () => {
  const rig = await fleet();
  const watcher = rig.watch();
  const { cursor } = (await watcher.snapshot()).at(-1)!;
  const many = Array.from({ length: 10_100 }, (_, i) => rig.series("t", `m${i}`));
  rig.send(many);
  await rig.settle();
  for (let i = 0; i < 200 && (await rig.list({ pageSize: 1 })).total < 10_100n; i++) await rig.settle(0);
  await fails(watcher.next(), "UNAVAILABLE", "more than 10000 changes of devices behind");
  const resumed = rig.watch({ cursor });
  const told = await resumed.take(10_100);
  expect(new Set(told.map(({ device }) => device!.deviceId)).size).toBe(10_100);
  resumed.close();
  rig.kept.journal.firstPosition = 9_000;
  await fails(rig.watch({ cursor }).next(), "OUT_OF_RANGE", "no longer kept");
});

test("a snapshot of many is by id, and made in turns; who changes meanwhile is told behind it", async () => {
  const rig = await DeviceRig.open();
  const ids = Array.from({ length: 9_001 }, (_, i) => `d${(i * 7_919) % 9_001}`);
  rig.send(ids.map((id) => rig.series("t", id)));
  for (let i = 0; i < 100 && (await rig.list({ pageSize: 1 })).total < 9_001n; i++) await rig.settle();
  const { pauses } = rig;
  const watcher = rig.watch();
  const first = watcher.next();
  await rig.call("deleteDevice", { deviceId: "d5" });
  await rig.register({ deviceId: "a-new" });
  const snapshot = [await first, ...(await watcher.snapshot())];
  expect(snapshot.map(({ device }) => device?.deviceId)).toEqual([...ids.toSorted(), undefined]);
  expect(rig.pauses - pauses).toBeGreaterThan(9_001 / 500);
  expect((await watcher.take(2)).map(({ kind, device }) => [kind, device!.deviceId])).toEqual([
    ["deleted", "d5"],
    ["registered", "a-new"],
  ]);
  watcher.close();
});

test("a stream goes on over a restart", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  const { cursor } = (await rig.watch().snapshot()).at(-1)!;
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  await rig.devices.close();
  const next = await DeviceRig.open(kept, rig.clock);
  await next.update({ deviceId: "p", name: "x" }, ["name"]);
  const resumed = next.watch({ cursor });
  expect((await resumed.take(2)).map(({ kind }) => kind)).toEqual(["registered", "updated"]);
  resumed.close();
});
