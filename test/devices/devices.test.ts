/** Devices as people and data make them: registered, found, changed, deleted, brought back after a restart. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { scopeOf } from "../../src/model/access.ts";
import { plain } from "../../src/devices/change-device.ts";
import type { Device } from "../../src/wire/gen/devices_pb.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { HoldingJournal } from "../../src/cluster/shared/holding-journal.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { DeviceRig, Kept } from "./rig.ts";

const fails = (run: Promise<unknown>, status: string, text: string) =>
  expect(run).rejects.toMatchObject({ status, message: expect.stringContaining(text) });

test("a device is known by its first point: by the tag device, or by its source", async () => {
  const rig = await DeviceRig.open();
  const tagged = rig.series("t", "gw", { device: "pump-1" });
  rig.send([tagged, rig.series("t", "meter-7"), tagged]);
  expect((await rig.list()).devices).toEqual([]);
  await rig.settle();
  const { devices, total, byStatus } = await rig.list();
  expect(
    devices.map(({ deviceId, status, isRegistered, sources }) => [deviceId, status, isRegistered, sources]),
  ).toEqual([
    ["meter-7", "online", false, ["meter-7"]],
    ["pump-1", "online", false, ["gw"]],
  ]);
  expect({ total, byStatus }).toEqual({ total: 2n, byStatus: { online: 2n } });
  expect(rig.journaled("pump-1")).toEqual(["registered by system"]);
  expect(rig.troubles).toEqual([]);
});

test("many that are found, or fall silent, at once are looked at a few at a time, and all are told", async () => {
  const rig = await DeviceRig.open();
  const all = Array.from({ length: 5_000 }, (_, i) => rig.series("t", "gw", { device: `d${i}` }));
  rig.send(all);
  expect(rig.devices.count).toBeLessThanOrEqual(1_000);
  // Some come again while they wait, in another order.
  rig.clock.advance(100);
  rig.send(all.toReversed());
  for (let i = 0; i < 100 && (await rig.list({ pageSize: 1 })).total < 5_000n; i++) await rig.settle();
  expect(await rig.list({ pageSize: 1 })).toMatchObject({ total: 5_000n, byStatus: { online: 5_000n } });
  expect(rig.kept.journal.entries.length).toBe(5_000);
  for (let i = 0; i < 5; i++) {
    await rig.settle(10_000);
    rig.send(all);
  }
  const { pauses } = rig;
  for (let i = 0; i < 100 && rig.kept.journal.entries.length < 15_000; i++) await rig.settle(10_000);
  expect((await rig.list({ pageSize: 1 })).byStatus).toEqual({ offline: 5_000n });
  expect(rig.kept.journal.entries.length).toBe(15_000);
  expect(rig.pauses - pauses).toBeGreaterThanOrEqual(18);
});

test("of one whose readings were too old to be a sign of life it is said why it was never seen", async () => {
  const rig = await DeviceRig.open();
  rig.send([rig.series("t", "old")], rig.clock.nowMs() - 3_600_000);
  rig.send([rig.series("t", "new")], rig.clock.nowMs() - 3_599_000);
  await rig.register({ deviceId: "none" });
  await rig.settle();
  const { devices } = await rig.list();
  expect(devices.map(({ deviceId, status, statusReason }) => [deviceId, status, statusReason])).toEqual([
    ["new", "online", "heard for the first time"],
    ["none", "never_seen", ""],
    ["old", "never_seen", "its readings were too old when they came to be a sign of life"],
  ]);
});

test("sensors that are in the data alone are shown with their last values", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "p", sensors: [{ metricName: "t", unit: "°C", validMin: -5 }] });
  rig.send([rig.series("t", "p"), rig.series("v", "p", { axis: "x" })], undefined, 7);
  rig.clock.advance(10);
  rig.send([rig.series("v", "p", { axis: "y" })], undefined, 9);
  const { sensors } = (await rig.get("p")).device!;
  expect(sensors.map(({ metricName, unit, lastValue }) => [metricName, unit, lastValue])).toEqual([
    ["t", "°C", 7],
    ["v", "", 9],
  ]);
  const schemaOf = (id: number) => rig.schemas.schemaOf(rig.registry.keyOf(id));
  expect(schemaOf(rig.series("t", "p"))).toMatchObject({ unit: "°C", validMin: -5, validMax: Infinity });
  expect(schemaOf(rig.series("v", "p", { axis: "x" }))).toBeUndefined();
  await rig.call("deleteDevice", { deviceId: "p" });
  expect(schemaOf(rig.series("t", "p"))).toBeUndefined();
});

test("register, update and delete: revisions, masks, and who did it", async () => {
  const rig = await DeviceRig.open();
  const first = await rig.register({ deviceId: "p", name: "pump", tags: { line: "4" } }, { userId: "ann" });
  expect(first).toMatchObject({ revision: 1n, isRegistered: true, status: "never_seen" });
  await fails(rig.register({ deviceId: "p" }), "ALREADY_EXISTS", 'device "p" is registered already, at revision 1');
  const second = await rig.update({ deviceId: "p", site: "north", name: "other" }, ["site"], {
    revision: 1n,
    userId: "ben",
  });
  expect(second).toMatchObject({ name: "pump", site: "north", revision: 2n });
  await fails(rig.update({ deviceId: "p", site: "x" }, ["site"], { revision: 1n }), "ABORTED", "is at revision 2");
  const third = await rig.update(
    { deviceId: "p", sensors: [{ metricName: "a.b", unit: "K" }], tags: { owner: "me" } },
    ["sensors.a.b", "tags.owner", "tags.line"],
  );
  expect(third).toMatchObject({ revision: 3n, tags: { owner: "me" }, sensors: [{ metricName: "a.b", unit: "K" }] });
  expect((await rig.update({ deviceId: "p" }, ["sensors.a.b"])).sensors).toEqual([]);
  expect((await rig.update({ deviceId: "p", site: "north" }, ["site"])).revision).toBe(4n);
  expect(await rig.register({ deviceId: "p", type: "pump" }, { replace: true })).toMatchObject({
    name: "",
    type: "pump",
    revision: 5n,
  });
  await rig.call("deleteDevice", { deviceId: "p", userId: "cid" });
  await fails(rig.get("p"), "NOT_FOUND", 'there is no device "p"');
  expect(rig.journaled("p")).toEqual([
    "registered by ann",
    "updated by ben",
    "updated by anonymous",
    "updated by anonymous",
    "updated by anonymous",
    "deleted by cid",
  ]);
});

test("an event of an edit says what changed: set that in what was before, and it is what there is", async () => {
  const rig = await DeviceRig.open();
  rig.send([rig.series("t", "found")]);
  await rig.settle();
  const watcher = rig.watch({});
  await watcher.snapshot();
  const sensors = ["a", "b", "c"].map((metricName) => ({ metricName, unit: "K" }));
  const p = { deviceId: "p", name: "pump", sensors, tags: { line: "4", owner: "me" }, location: { latitude: 5 } };
  await rig.register(p);
  const sensorsThen = [sensors[0], { metricName: "b", unit: "°C" }, { metricName: "d" }];
  const then = {
    ...p,
    name: "",
    firmware: "2",
    sensors: sensorsThen,
    tags: { line: "5", site: "n" },
    location: undefined,
  };
  await rig.register({ ...then, isEventDriven: true }, { replace: true });
  await rig.register({ deviceId: "found" });
  await rig.register({ deviceId: "found", site: "north" }, { replace: true });
  const told = await watcher.take(4);
  expect(told.map(({ device }) => device!.revision)).toEqual([1n, 2n, 1n, 2n]);
  expect(told.map(({ kind, device, changed }) => [kind, device!.deviceId, [...changed].sort()])).toEqual([
    ["registered", "p", []],
    [
      ...["updated", "p"],
      [
        ...["firmware", "is_event_driven", "location", "name", "sensors.b", "sensors.c", "sensors.d"],
        ...["tags.line", "tags.owner", "tags.site"],
      ],
    ],
    ["updated", "found", []],
    ["updated", "found", ["site"]],
  ]);
  const { device, changed } = told[1];
  await rig.register({ ...p, deviceId: "q" });
  const edited = await rig.update({ ...device!, deviceId: "q" }, changed);
  const of = ({ deviceId: _, ...others }: Device) => plain({ ...others, deviceId: "" });
  expect(of(edited)).toEqual(of((await rig.get("p")).device!));
});

test("what is no device is refused by field, value and what was wanted", async () => {
  const rig = await DeviceRig.open();
  const cases: [object, string][] = [
    [{ deviceId: "" }, "device.device_id is"],
    [{ deviceId: "a\0b" }, "device.device_id is"],
    [{ deviceId: "x".repeat(513) }, "device.device_id is"],
    [{ deviceId: "p", name: "a\nb" }, "device.name is"],
    [{ deviceId: "p", parent: "p" }, "device.parent is"],
    [{ deviceId: "p", location: { latitude: 91, longitude: 0 } }, "device.location.latitude is 91; wanted -90 to 90"],
    [{ deviceId: "p", location: { latitude: NaN, longitude: 0 } }, "device.location.latitude is NaN"],
    [{ deviceId: "p", expectedIntervalMs: -1n }, "device.expected_interval_ms is -1"],
    [
      { deviceId: "p", lateAfterMs: 5n, offlineAfterMs: 4n },
      "device.offline_after_ms is 4; wanted at least late_after_ms",
    ],
    [{ deviceId: "p", sensors: [{ metricName: "a b" }] }, "device.sensors[0].metric_name is"],
    [{ deviceId: "p", sensors: [{ metricName: "a" }, { metricName: "a" }] }, "device.sensors[1].metric_name is"],
    [{ deviceId: "p", sensors: [{ metricName: "a", validMin: 2, validMax: 1 }] }, "device.sensors[0].valid_max is 1"],
    [
      { deviceId: "p", sensors: [{ metricName: "a", outOfRange: "drop" }] },
      'out_of_range is "drop"; wanted "flag" or "refuse"',
    ],
    [{ deviceId: "p", sensors: [{ metricName: "a", precision: 99 }] }, "precision is 99"],
    [{ deviceId: "p", tags: { "": "x" } }, "device.tags is"],
    [
      { deviceId: "p", sensors: Array.from({ length: 1_001 }, (_, i) => ({ metricName: `m${i}` })) },
      'device.sensors is "1001 of them"',
    ],
  ];
  for (const [device, text] of cases) await fails(rig.register(device), "INVALID_ARGUMENT", text);
  await rig.register({ deviceId: "p" });
  await fails(rig.update({ deviceId: "p" }, []), "INVALID_ARGUMENT", "fields is");
  await fails(rig.update({ deviceId: "p" }, ["status"]), "INVALID_ARGUMENT", 'fields is "status"; wanted name');
  await fails(rig.update({ deviceId: "p" }, ["__proto__"]), "INVALID_ARGUMENT", "fields is");
  await fails(rig.update({ deviceId: "q", name: "x" }, ["name"]), "NOT_FOUND", "there is no device");
  await fails(
    rig.update({ deviceId: "p", name: "x" }, ["name"], { revision: 9n }),
    "INVALID_ARGUMENT",
    "revision is 9",
  );
  expect(rig.kept.journal.entries).toHaveLength(1);
});

test("nobody stands above itself, and children of what is deleted lose their parent", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "gw", parent: "hub" });
  await rig.register({ deviceId: "hub" });
  await rig.register({ deviceId: "p", parent: "gw" });
  expect(rig.devices.parentsOf("p")).toEqual(["gw", "hub"]);
  await fails(
    rig.update({ deviceId: "hub", parent: "p" }, ["parent"]),
    "INVALID_ARGUMENT",
    "p is below gw is below hub",
  );
  await rig.call("deleteDevice", { deviceId: "gw" });
  expect((await rig.get("p")).device!.parent).toBe("");
  expect(rig.devices.parentsOf("p")).toEqual([]);
  expect(rig.journaled("p")).toEqual(["registered by anonymous", "updated by anonymous"]);
});

test("a deleted device stays away over a restart, and comes back with its next point", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  await rig.call("deleteDevice", { deviceId: "p" });
  expect((await rig.list()).total).toBe(0n);
  await rig.devices.close();
  const next = await DeviceRig.open(kept, rig.clock);
  await next.settle();
  expect((await next.list()).total).toBe(0n);
  next.send([next.series("t", "p")]);
  await next.settle();
  expect((await next.list()).devices.map(({ deviceId, status }) => [deviceId, status])).toEqual([["p", "online"]]);
  await next.devices.close();
  const last = await DeviceRig.open(kept, rig.clock);
  expect((await last.list()).total).toBe(1n);
  expect(kept.journal.count("device-deleted")).toBe(0);
});

test("a restart brings back what was told, and finds what nobody could write down", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  await rig.register({ deviceId: "p", name: "pump", parent: "gw", expectedIntervalMs: 60_000n });
  rig.send([rig.series("t", "p"), rig.series("t", "q")]);
  await rig.settle();
  const before = await rig.list();
  // Killed before it is written down.
  rig.send([rig.series("t", "r")]);
  const next = await DeviceRig.open(kept, rig.clock);
  const { events: _, ...after } = { events: 0, ...(await next.list()) };
  expect(after.devices).toEqual(before.devices);
  await next.settle();
  expect((await next.list()).devices.map(({ deviceId, status }) => [deviceId, status])).toEqual([
    ["p", "online"],
    ["q", "online"],
    ["r", "online"],
  ]);
  expect(next.devices.parentsOf("p")).toEqual(["gw"]);
  expect(next.journaled("p")).toEqual(["registered by anonymous", "status online by system"]);
});

test("what was learned of a device is kept a few seconds later, whatever becomes of the server", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  const series = [rig.series("t", "p")];
  for (let i = 0; i < 6; i++) {
    rig.send(series);
    await rig.settle(2_000);
  }
  for (let i = 0; i < 20; i++) await rig.settle();
  expect((await rig.get("p")).device).toMatchObject({ gapP95Ms: 2_000n });
  // Killed.
  const next = await DeviceRig.open(kept, rig.clock);
  expect((await next.get("p")).device).toMatchObject({ gapP95Ms: 2_000n, effectiveLateAfterMs: 45_000n });
});

test("silence, births and deaths change the status, with who said so", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "p", expectedIntervalMs: 60_000n });
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  await rig.settle(91_000);
  expect((await rig.get("p")).device).toMatchObject({ status: "late", effectiveLateAfterMs: 90_000n });
  await rig.settle(90_000);
  expect(rig.devices.statusOf("p")).toBe("offline");
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  await rig.call("reportDevice", { deviceId: "p", kind: "death", reason: "switched off", userId: "ann" });
  const { device, events } = await rig.get("p", 2);
  expect(device).toMatchObject({ status: "offline", statusReason: "switched off" });
  expect(events.map(({ kind, previousStatus, actor }) => [kind, previousStatus, actor])).toEqual([
    ["status", "online", "ann"],
    ["status", "offline", "system"],
  ]);
  const report = (kind: string, agoMs: number) => {
    const time = timestampFromMs(rig.clock.nowMs() - agoMs);
    return rig.call("reportDevice", { deviceId: "p", kind, time });
  };
  await fails(report("birth", -601_000), "INVALID_ARGUMENT", "wanted at most ten minutes from now, which is 20");
  const [birth, death] = [/^the birth of device "p" at 20.* changes nothing: it left at 20/, /: it was heard at 20/];
  expect(await report("birth", 60_000)).toMatchObject({
    ignored: expect.stringMatching(birth),
    device: { status: "offline" },
  });
  rig.clock.advance(1_000);
  expect(await report("birth", -500_000)).toMatchObject({ ignored: "", device: { status: "online" } });
  expect(await report("death", 60_000)).toMatchObject({
    ignored: expect.stringMatching(death),
    device: { status: "online" },
  });
  expect([rig.devices.ignoredDeaths, rig.notices]).toEqual([1, []]);
  await rig.call("reportDevice", { deviceId: "new", kind: "birth" });
  expect((await rig.get("new")).device).toMatchObject({ status: "online", isRegistered: false });
  const typo = rig.call("reportDevice", { deviceId: "nope", kind: "birth", mustBeKnown: true });
  await fails(typo, "NOT_FOUND", 'there is no device "nope"');
  expect((await rig.list()).total).toBe(2n);
  await fails(rig.call("reportDevice", { deviceId: "x", kind: "death" }), "NOT_FOUND", "there is no device");
  await fails(rig.call("reportDevice", { deviceId: "x", kind: "rest" }), "INVALID_ARGUMENT", 'kind is "rest"');
});

test("devices are counted by status, also after a restart", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  const counted = ({ devices }: DeviceRig) => Object.fromEntries([...devices.countOf].filter(([, count]) => count > 0));
  await rig.register({ deviceId: "p", expectedIntervalMs: 10_000n });
  await rig.register({ deviceId: "q" });
  rig.send([rig.series("t", "p"), rig.series("t", "r")]);
  await rig.settle();
  expect(counted(rig)).toEqual({ online: 2, never_seen: 1 });
  await rig.settle(16_000);
  await rig.update({ deviceId: "q", name: "x" }, ["name"]);
  expect(counted(rig)).toEqual({ late: 1, online: 1, never_seen: 1 });
  await rig.call("deleteDevice", { deviceId: "r" });
  const next = await DeviceRig.open(kept, rig.clock);
  expect([counted(rig), counted(next)]).toEqual(Array(2).fill({ late: 1, never_seen: 1 }));
});

test("deaths that are older than what was heard change nothing, and are counted and told once a minute", async () => {
  const rig = await DeviceRig.open();
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  const die = () => {
    const timeMs = rig.clock.nowMs() - 120_000;
    rig.devices.onDeviceEvent({ kind: "death", device: "p", timeMs, reason: "NDEATH" });
  };
  for (let i = 0; i < 3; i++) die();
  expect(rig.devices.ignoredDeaths).toBe(3);
  expect(rig.notices).toEqual([expect.stringContaining('a death of device "p" (NDEATH) changes nothing: it is of 20')]);
  await rig.settle(60_000);
  die();
  expect(rig.notices[1]).toEndWith(" (and 2 more since this was said last)");
  expect((await rig.get("p")).device!.status).toBe("online");
});

test("what a device says of itself is taken where nobody said anything else", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "p", model: "A1", sensors: [{ metricName: "t", unit: "°F" }] });
  rig.devices.onDeviceEvent({
    ...{ kind: "birth", device: "p", parent: "node", timeMs: rig.clock.nowMs(), reason: "DBIRTH" },
    ...{ model: "B2", firmware: "1.2", properties: new Map([["serial", "77"]]) },
    sensors: [
      { metric: "t", unit: "°C" },
      { metric: "p", unit: "kPa" },
    ],
  });
  rig.devices.onDeviceEvent({
    kind: "birth",
    device: "node",
    parent: "p",
    timeMs: rig.clock.nowMs(),
    reason: "NBIRTH",
  });
  await rig.settle();
  const { device } = await rig.get("p");
  expect(device).toMatchObject({
    model: "A1",
    firmware: "1.2",
    parent: "node",
    status: "online",
    tags: { serial: "77" },
  });
  expect(device!.sensors.map(({ metricName, unit }) => [metricName, unit])).toEqual([
    ["t", "°F"],
    ["p", "kPa"],
  ]);
  // The circle is not closed.
  expect([rig.devices.parentsOf("p"), rig.devices.parentsOf("node")]).toEqual([["node"], []]);
  const count = rig.kept.journal.entries.length;
  rig.devices.onDeviceEvent({
    kind: "birth",
    device: "p",
    parent: "node",
    firmware: "1.2",
    timeMs: rig.clock.nowMs(),
    reason: "DBIRTH",
  });
  await rig.settle();
  expect(rig.kept.journal.entries).toHaveLength(count);
  rig.devices.onDeviceEvent({ kind: "death", device: "node", timeMs: rig.clock.nowMs(), reason: "NDEATH" });
  await rig.settle();
  expect((await rig.get("p")).device).toMatchObject({ status: "stale", statusReason: "node is offline" });
});

test("what a device says of itself is durable when that is told, with the status that comes of it", async () => {
  const rig = await DeviceRig.open();
  const said = (kind: "birth" | "death", device: string) => {
    return rig.devices.onDeviceEvent({ kind, device, timeMs: rig.clock.nowMs(), reason: "will" });
  };
  const told = () => rig.kept.journal.entries.map(({ subject, payload }) => [subject, JSON.parse(payload).kind]);
  await said("birth", "p");
  const entries = [
    ["device/p", "registered"],
    ["device/p", "status"],
  ];
  expect(told()).toEqual(entries);
  rig.kept.journal.failure = new Error("disk full");
  let isDurable = false;
  const death = said("death", "p").then(() => (isDurable = true));
  rig.clock.advance(500);
  await rig.settle();
  expect(isDurable).toBe(false);
  rig.kept.journal.failure = null;
  rig.clock.advance(1_000);
  await death;
  expect(told()).toEqual([...entries, ["device/p", "status"]]);
});

test("a device that tells of more than may be kept is heard all the same, and may be registered", async () => {
  const rig = await DeviceRig.open();
  const born = (from: number, firmware: string) => {
    const properties = new Map(Array.from({ length: 20 }, (_, i) => [`k${from + i}`, "v"]));
    const birth = { kind: "birth", device: "p", timeMs: rig.clock.nowMs(), reason: "DBIRTH" } as const;
    rig.devices.onDeviceEvent({ ...birth, firmware, properties });
  };
  born(0, "1");
  await rig.settle();
  born(20, "2");
  await rig.settle();
  const { device } = await rig.get("p");
  expect([device!.firmware, Object.keys(device!.tags).length]).toEqual(["2", 32]);
  const tags = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`own${i}`, "w"]));
  expect((await rig.register({ deviceId: "p", tags })).tags).toMatchObject(tags);
  expect(rig.troubles).toEqual([]);
});

test("a device whose first entry was given up is told with its next change", async () => {
  const rig = await DeviceRig.open();
  rig.kept.journal.failure = new WatchpostError("INVALID_ARGUMENT", "too large");
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  expect(rig.troubles).toEqual([expect.stringContaining("is left out: too large")]);
  rig.kept.journal.failure = null;
  for (let i = 0; i < 6; i++) {
    rig.send([rig.series("t", "p")]);
    await rig.settle(10_000);
  }
  expect((await rig.list()).total).toBe(0n);
  await rig.settle(50_000);
  expect((await rig.get("p")).device!.status).toBe("late");
  expect(rig.journaled("p")).toEqual(["registered by system"]);
});

test("what cannot be taken of a birth is told once a minute, and the birth counts", async () => {
  const rig = await DeviceRig.open();
  for (let i = 0; i < 5; i++) {
    const birth = { kind: "birth", device: "p", timeMs: rig.clock.nowMs(), reason: "DBIRTH" } as const;
    rig.devices.onDeviceEvent({ ...birth, model: "x".repeat(300) });
    await rig.settle();
  }
  expect((await rig.get("p")).device!.status).toBe("online");
  expect(rig.troubles).toEqual([expect.stringContaining('what device "p" says of itself is not all taken: model is')]);
});

test("what cannot be kept of what a device says costs only itself, and is said", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "gw" });
  const long = "€".repeat(256);
  rig.devices.onDeviceEvent({
    ...{ kind: "birth", device: "pump", timeMs: rig.clock.nowMs(), reason: "DBIRTH", parent: "gw", firmware: "1.2" },
    model: "A\nB",
    properties: new Map([
      ["a\0b", "x"],
      ["nul", "\0"],
      ["long", long],
      ["line", "a"],
    ]),
    sensors: [
      { metric: "bad name", unit: "m" },
      { metric: "t", unit: "m\nm", description: "of the water" },
    ],
  });
  await rig.settle();
  const { device } = await rig.get("pump");
  expect(device).toMatchObject({ parent: "gw", firmware: "1.2", model: "", tags: { line: "a" } });
  expect(device!.sensors.map(({ metricName, unit, description }) => [metricName, unit, description])).toEqual([
    ["t", "", "of the water"],
  ]);
  expect(rig.troubles).toEqual([
    expect.stringMatching(
      /^what device "pump" says of itself is not all taken: model is .*; properties is .*; properties\.nul is .*; properties\.long is .*; sensors\.metric_name is "bad name".*; and 1 more$/s,
    ),
  ]);
  rig.devices.onDeviceEvent({ kind: "death", device: "gw", timeMs: rig.clock.nowMs(), reason: "NDEATH" });
  await rig.settle();
  expect((await rig.get("pump")).device!.status).toBe("stale");
});

test("of a device that says more than one may take, and of a firmware that is none, where it is reached is known", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "gw" });
  const sensors = Array.from({ length: 1_000 }, (_, i) => ({ metric: `m${i}`, description: "x".repeat(300) }));
  const birth = { kind: "birth", device: "p", timeMs: rig.clock.nowMs(), reason: "DBIRTH", parent: "gw" } as const;
  rig.devices.onDeviceEvent({ ...birth, firmware: "1.2", sensors });
  rig.devices.onDeviceEvent({ ...birth, device: "q", firmware: "1\n2" });
  await rig.settle();
  expect((await rig.get("p")).device).toMatchObject({ parent: "gw", firmware: "1.2", sensors: [] });
  expect((await rig.get("q")).device).toMatchObject({ parent: "gw", firmware: "" });
  expect(rig.troubles).toEqual([expect.stringMatching(/^what device "p" .* is not all taken: device is "\d+ bytes"/)]);
});

test("a device too far below others is known, without a parent", async () => {
  const rig = await DeviceRig.open();
  for (let i = 0; i < 40; i++) {
    const device = { kind: "birth", device: `d${i}`, timeMs: rig.clock.nowMs(), reason: "b", firmware: "1" } as const;
    rig.devices.onDeviceEvent({ ...device, ...(i > 0 && { parent: `d${i - 1}` }) });
    await rig.settle();
  }
  const parents = await Promise.all(Array.from({ length: 40 }, async (_, i) => (await rig.get(`d${i}`)).device!));
  expect(parents.every(({ firmware }) => firmware === "1")).toBe(true);
  expect(parents.filter(({ parent }) => parent === "").length).toBeGreaterThan(1);
  expect(rig.troubles[0]).toContain("devices one above the other");
});

test("who registers a device that told of itself keeps what it told where nothing else is given", async () => {
  const rig = await DeviceRig.open();
  const birth = { kind: "birth", device: "p", timeMs: rig.clock.nowMs(), reason: "DBIRTH" } as const;
  rig.devices.onDeviceEvent({
    ...birth,
    model: "B2",
    firmware: "1",
    sensors: [
      { metric: "a", unit: "K" },
      { metric: "b", unit: "V" },
    ],
  });
  await rig.settle();
  const device = await rig.register({
    deviceId: "p",
    name: "x",
    model: "C",
    sensors: [{ metricName: "a", unit: "°C" }],
  });
  expect(device).toMatchObject({ isRegistered: true, name: "x", model: "C", firmware: "1", revision: 2n });
  expect(device.sensors.map(({ metricName, unit }) => [metricName, unit])).toEqual([
    ["a", "°C"],
    ["b", "V"],
  ]);
});

test("what silence makes of others is not the doing of whoever reports one; and a report is answered when it is kept", async () => {
  const rig = await DeviceRig.open();
  for (const deviceId of ["p", "q"]) await rig.register({ deviceId, expectedIntervalMs: 1_060n });
  rig.send([rig.series("t", "p"), rig.series("t", "q")]);
  await rig.settle();
  // Both are late by now, and no timer has said so yet.
  rig.clock.advance(1_310);
  await rig.call("reportDevice", { deviceId: "p", kind: "death", userId: "ann" });
  await rig.settle(100);
  expect(rig.journaled("q")).toContain("status late by system");
  expect(rig.journaled("p")).toContain("status offline by ann");
  rig.send([rig.series("t", "q")]);
  await rig.settle();
  rig.kept.journal.failure = new Error("disk full");
  await fails(rig.call("reportDevice", { deviceId: "q", kind: "death" }), "UNAVAILABLE", "is not written yet");
  expect(rig.journaled("q")).not.toContain("status offline by anonymous");
  rig.kept.journal.failure = null;
});

test("a report is answered while more is heard all the time than one turn can take", async () => {
  let [isBusy, answered] = [false, false];
  const rig: DeviceRig = await DeviceRig.open(new Kept(), undefined, {
    pause: async () => {
      if (isBusy && !answered) rig.clock.advance(1);
      if (isBusy && !answered) rig.send(all.filter((_, i) => i !== 7));
      await new Promise((resolve) => void setImmediate(resolve));
    },
  });
  const all = Array.from({ length: 6_000 }, (_, i) => rig.series("t", `d${i}`));
  rig.send(all);
  for (let i = 0; i < 100 && (await rig.list({ pageSize: 1 })).total < 6_000n; i++) await rig.settle();
  isBusy = true;
  rig.send(all);
  rig.clock.advance(250);
  const { device } = (await rig.call("reportDevice", { deviceId: "d7", kind: "death" })) as { device: Device };
  answered = true;
  expect(device.status).toBe("offline");
  expect(rig.journaled("d7").at(-1)).toBe("status offline by anonymous");
});

test("there is a limit; it is said once, points beyond it are nobody's, and room is used again", async () => {
  const rig = await DeviceRig.open(new Kept(), undefined, { devicesMax: 2 });
  const all = ["a", "b", "c", "d"].map((source) => rig.series("t", source));
  rig.send(all);
  rig.send(all);
  await rig.settle();
  expect(rig.troubles).toEqual([
    expect.stringContaining('device "c" is not made known: the limit of 2 devices (devices.max)'),
  ]);
  await fails(rig.register({ deviceId: "x" }), "RESOURCE_EXHAUSTED", "the limit of 2 devices");
  await rig.call("deleteDevice", { deviceId: "a" });
  rig.send([all[3]]);
  await rig.settle();
  expect((await rig.list()).devices.map(({ deviceId }) => deviceId)).toEqual(["b", "d"]);
});

test("while the journal fails nobody hears of what is not kept; it is written when it can be", async () => {
  const rig = await DeviceRig.open();
  rig.kept.journal.failure = new Error("disk full");
  rig.send([rig.series("t", "p")]);
  await rig.settle();
  await expect(rig.register({ deviceId: "q" })).rejects.toThrow("disk full");
  expect((await rig.list()).total).toBe(0n);
  expect(rig.troubles).toEqual([
    expect.stringContaining("the journal cannot be written: disk full; 1 changes of devices wait"),
  ]);
  rig.kept.journal.failure = null;
  await rig.settle(1_100);
  expect((await rig.list()).devices.map(({ deviceId }) => deviceId)).toEqual(["p"]);
});

test("many devices at once are written many in a commit", async () => {
  const rig = await DeviceRig.open();
  const all = Array.from({ length: 5_000 }, (_, i) => rig.series("t", `d${i}`));
  rig.send(all);
  rig.clock.advance(300);
  for (let i = 0; i < 100 && (await rig.list()).total < 5_000n; i++) await rig.settle();
  expect((await rig.list()).total).toBe(5_000n);
  expect(rig.kept.journal.appends).toBeLessThan(60);
});

test("a device that was found is at the site that its points name until somebody says another one", async () => {
  const kept = new Kept();
  const rig = await DeviceRig.open(kept);
  const [fan, pump] = ["fan", "pump"].map((device) => rig.series("t", "gateway", { device, site: "garden" }));
  rig.send([fan, pump, rig.series("t", "gateway", { device: "odd", site: "two\nlines" })]);
  await rig.settle();
  const sites = async (of: DeviceRig, request: object = {}) =>
    (await of.list(request)).devices.map(({ deviceId, site }) => [deviceId, site]);
  expect(await sites(rig)).toEqual([
    ["fan", "garden"],
    ["odd", ""],
    ["pump", "garden"],
  ]);
  await rig.register({ deviceId: "pump", site: "hall" });
  expect(await sites(rig, { sites: ["garden"] })).toEqual([["fan", "garden"]]);
  await rig.devices.close();
  const again = await DeviceRig.open(kept);
  expect(await sites(again)).toEqual([
    ["fan", "garden"],
    ["odd", ""],
    ["pump", "hall"],
  ]);
});

test("a device moves where the site it is registered with is another one, and not where that is found in the data", async () => {
  const rig = await DeviceRig.open();
  const moves: string[] = [];
  rig.devices.onMoved((device) => moves.push(`${device} to ${JSON.stringify(rig.devices.siteOf(device))}`));
  const series = rig.series("t", "gw", { device: "pump", site: "berlin" });
  rig.send([series]);
  await rig.settle();
  expect([rig.devices.siteOf("pump"), [...rig.devices.seriesOf("pump")], moves]).toEqual(["", [series], []]);
  await rig.register({ deviceId: "pump", site: "berlin" });
  await rig.update({ deviceId: "pump", name: "The pump" }, ["name"]);
  await rig.update({ deviceId: "pump", site: "hamburg" }, ["site"]);
  await rig.register({ deviceId: "fan", site: "berlin" });
  await rig.call("deleteDevice", { deviceId: "pump" });
  expect(moves).toEqual(['pump to "berlin"', 'pump to "hamburg"', 'fan to "berlin"', 'pump to ""']);
  expect([rig.devices.siteOf("nobody"), [...rig.devices.seriesOf("nobody")]]).toEqual(["", []]);
});

test("what is reported of a device out of scope is refused: one to be made known by name, others as if they were not there", async () => {
  const rig = await DeviceRig.open();
  const scope = scopeOf({ sources: ["gw-1"], devices: [], sites: ["berlin"] });
  const report = (request: object) => rig.call("reportDevice", { kind: "birth", ...request }, scope);
  await rig.register({ deviceId: "pump", site: "hamburg" });
  rig.send([rig.series("t", "gw-1", { device: "fan", site: "berlin" }), rig.series("t", "gw-2", { device: "valve" })]);
  await rig.settle();
  for (const deviceId of ["pump", "valve", "nobody"]) {
    const wanted = 'wanted one in the scope of "anonymous": sources gw-1; sites berlin';
    await fails(report({ deviceId }), "INVALID_ARGUMENT", wanted);
    for (const request of [{ kind: "death" }, { mustBeKnown: true }]) {
      await fails(report({ deviceId, ...request }), "NOT_FOUND", `there is no device "${deviceId}"`);
    }
  }
  await report({ deviceId: "fan", kind: "death" });
  expect([rig.devices.statusOf("fan"), rig.devices.statusOf("nobody")]).toEqual(["offline", undefined]);
});

test("while the nodes' journal is out of reach what happens to devices is told, once, and what people say of them is refused", async () => {
  const kept = new Kept();
  const clock = new ManualClock();
  const shared = Object.assign(kept.journal, { followChanges: () => () => {} });
  const lasting = await HoldingJournal.open(
    {
      ...{
        shared,
        own: new MemoryJournal(),
        nodeId: "a",
        redis: { follow: () => () => {} },
        clock,
        isTold: () => false,
      },
      trouble: () => (shared.failure === null ? "" : shared.failure.message),
      ...{ onOvertaken() {}, onTrouble() {}, onNews() {} },
    },
    false,
  );
  const rig = await DeviceRig.open(kept, clock, { lasting });
  const told: string[] = [];
  rig.devices.follow(({ id, event }) => void told.push(`${id} ${event.kind} ${event.device!.status}`));
  await rig.register({ deviceId: "pump", expectedIntervalMs: 1_000n });
  const pump = rig.series("t", "pump");
  rig.send([pump]);
  await rig.settle();
  shared.failure = new WatchpostError("UNAVAILABLE", "it is away");
  rig.send([rig.series("t", "new")]);
  await rig.settle(10_000);
  await fails(rig.register({ deviceId: "other" }), "UNAVAILABLE", "cannot be reached");
  const heard = [
    "pump registered never_seen",
    "pump status online",
    "new registered online",
    "pump status late",
    "pump status offline",
  ];
  expect(told).toEqual(heard);
  expect((await rig.list()).byStatus).toEqual({ online: 1n, offline: 1n });
  shared.failure = null;
  await rig.settle(1_000);
  await rig.settle();
  expect([lasting.hasHeld, rig.journaled("new"), rig.journaled("pump").length]).toEqual([
    ...[false, ["registered by system"], 4],
  ]);
  rig.send([pump]);
  await rig.settle();
  expect(told).toEqual([...heard, "pump status online"]);
  await rig.register({ deviceId: "other" });
  expect(rig.troubles).toEqual([]);
  await lasting.close();
});
