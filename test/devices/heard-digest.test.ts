/** What nodes tell the desk of the devices that they hear, against one server that hears all points itself. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { HeardDigest, type HeardInit } from "../../src/devices/heard-digest.ts";
import { serveHeard } from "../../src/devices/serve-heard.ts";
import { Outgoing } from "../../src/model/outgoing.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { HeardDevicesSchema, type HeardDevices } from "../../src/wire/gen/heard_pb.ts";
import { randomOf } from "../support/random.ts";
import { DeviceRig } from "./rig.ts";

const SEED = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1);
const TICK_MS = 250;
const LIMITS = { seriesMax: 1_000_000, seriesPerSourceMax: 1_000_000 };
/** Of the nodes' messages at the desk. */
const alone = { join: () => ({ heard() {}, leave() {} }), turn: async () => {} };

/** A node with series of its own ids. */
class Node {
  readonly registry = new SeriesRegistry(LIMITS);
  digest = new HeardDigest(this.registry);
  #messages = new Outgoing<HeardDevices>(1_000);

  /** Tells a desk, as one that begins to. */
  join(desk: DeviceRig): void {
    this.#messages.end();
    this.#messages = new Outgoing(1_000);
    void (async () => {
      for await (const _ of serveHeard(this.#messages, desk.devices, alone));
    })();
    this.digest.begin();
    this.#push({ nodeId: "n" });
  }

  send(key: string, timeMs: number, arrivalMs: number): void {
    const id = this.registry.idOf(key) ?? (this.registry.add(key, "gateway") as number);
    this.digest.apply({
      ...{ seq: 1, arrivalMs, count: 1, seriesIds: Uint32Array.of(id) },
      ...{ timesUs: Float64Array.of(timeMs * 1_000), values: Float64Array.of(1) },
    });
  }

  tell(monotonicMs: number): void {
    do this.#push(this.digest.next(monotonicMs));
    while (this.digest.isBehind);
  }

  #push(message: HeardInit): void {
    this.#messages.push(
      fromBinary(HeardDevicesSchema, toBinary(HeardDevicesSchema, create(HeardDevicesSchema, message))),
    );
  }
}

const flush = () => new Promise((resolve) => void setImmediate(resolve));

function transitionsOf(rig: DeviceRig, untilMs: number): string[] {
  return rig.kept.journal.entries
    .map(({ payload }) => JSON.parse(payload) as { kind: string; device: Record<string, unknown>; time?: string })
    .map(({ device }) => device as { deviceId: string; status: string; statusSince?: string; site?: string })
    .filter(({ statusSince }) => Date.parse(statusSince ?? "1970-01-01") <= untilMs)
    .map(({ deviceId, status, statusSince, site }) => `${deviceId} ${status} ${statusSince} ${site ?? ""}`)
    .sort();
}

test("a desk that nodes tell of devices finds what one server finds that hears every point", async () => {
  const random = randomOf(SEED);
  const pick = (count: number) => Math.floor(random() * count);
  const one = await DeviceRig.open();
  const desk = await DeviceRig.open(undefined, undefined, { isTold: true });
  const nodes = [new Node(), new Node(), new Node()];
  for (const node of nodes) node.join(desk);
  const clocks = [one.clock, desk.clock];
  /** Those that nothing is known of yet take for granted that they send every few minutes. */
  const devices = Array.from({ length: 30 }, (_, i) => ({
    key: seriesKey("m", "gateway", [
      ["device", `d${i}`],
      ...(i % 3 === 0 ? [["site", "hall"] as [string, string]] : []),
    ]),
    id: `d${i}`,
    everyMs: TICK_MS * [1, 2, 4, 5, 8, 40, 160, 400][pick(8)],
    nextMs: pick(40) * TICK_MS,
    node: pick(3),
  }));
  for (const rig of [one, desk]) {
    for (const { id } of devices.slice(0, 10))
      await rig.register({ deviceId: id, lateAfterMs: 10_000n, offlineAfterMs: 20_000n });
  }
  let nowMs = one.clock.nowMs();
  const beganMs = nowMs;
  for (let step = 0; step < 1_500; step++) {
    for (const [i, device] of devices.entries()) {
      if (nowMs - beganMs < device.nextMs) continue;
      device.nextMs += device.everyMs;
      // It is silent for a while, or goes on elsewhere: how often one sends is learned to the second.
      if (random() < 0.01) device.nextMs += TICK_MS * pick(1_200);
      if (random() < 0.1 && (device.everyMs >= 1_000 || i < 10)) device.node = pick(3);
      const timeMs = nowMs - (random() < 0.05 ? pick(30_000) : pick(100));
      one.send([one.series("m", "gateway", tagsOf(device.key))], timeMs);
      nodes[device.node].send(device.key, timeMs, nowMs);
      desk.series("m", "gateway", tagsOf(device.key));
    }
    // One of the streams is opened again: nothing is lost or told twice by that.
    if (random() < 0.005) nodes[pick(3)].join(desk);
    for (const node of nodes) node.tell(nowMs);
    await flush();
    for (const clock of clocks) clock.advance(TICK_MS);
    await flush();
    nowMs += TICK_MS;
    if (step % 150 !== 149) continue;
    await one.settle(0);
    await desk.settle(0);
    // The desk judges silence a little later.
    expect(transitionsOf(desk, nowMs - 4_000)).toEqual(transitionsOf(one, nowMs - 4_000));
  }
  expect(new Set(transitionsOf(one, nowMs).map((line) => line.split(" ")[1]))).toEqual(
    new Set(["never_seen", "online", "late", "offline"]),
  );
  expect([...one.troubles, ...desk.troubles]).toEqual([]);
});

function tagsOf(key: string): Record<string, string> {
  return key.includes("hall") ? { device: deviceIn(key), site: "hall" } : { device: deviceIn(key) };
}

function deviceIn(key: string): string {
  return /d\d+/.exec(key)![0];
}

test("a device that was deleted is not found by what a node has heard before, and is by its next point, with its series", async () => {
  const desk = await DeviceRig.open(undefined, undefined, { isTold: true });
  const node = new Node();
  const key = seriesKey("m", "gateway", [["device", "d1"]]);
  const tell = async () => {
    node.tell(desk.clock.monotonicMs());
    await flush();
    await desk.settle(1_500);
  };
  const known = () => [desk.devices.count, [...desk.devices.seriesOf("d1")]];
  node.join(desk);
  const id = desk.series("m", "gateway", { device: "d1" });
  await desk.settle(1_500);
  expect(known()).toEqual([0, []]);
  node.send(key, desk.clock.nowMs(), desk.clock.nowMs());
  await tell();
  expect(known()).toEqual([1, [id]]);
  await desk.call("deleteDevice", { deviceId: "d1" });
  const deletedAtMs = desk.clock.nowMs();
  node.join(desk);
  await tell();
  expect(known()).toEqual([0, []]);
  // It had come before, and was on its way.
  node.send(key, desk.clock.nowMs() + 1, deletedAtMs - 1);
  await tell();
  expect(known()).toEqual([0, []]);
  node.send(key, desk.clock.nowMs() - 60_000, desk.clock.nowMs());
  await tell();
  expect(known()).toEqual([1, [id]]);
  // The clock of the node is an hour behind.
  await desk.call("deleteDevice", { deviceId: "d1" });
  await desk.settle(11_000);
  node.send(key, desk.clock.nowMs(), desk.clock.nowMs() - 3_600_000);
  await tell();
  expect(known()).toEqual([1, [id]]);
});

test("what is no list of heard devices is refused", async () => {
  const desk = await DeviceRig.open(undefined, undefined, { isTold: true });
  const refusalOf = async (...messages: HeardInit[]) => {
    const source = (async function* () {
      for (const message of messages) yield create(HeardDevicesSchema, message);
    })();
    return Array.fromAsync(serveHeard(source, desk.devices, alone)).catch(String);
  };
  expect(await refusalOf({ nodeId: "n" })).toEqual([]);
  expect(await refusalOf({})).toContain("node_id");
  expect(await refusalOf({ nodeId: "n", ids: ["d"] })).toContain("1 ids have 0 sites");
  expect(await refusalOf({ nodeId: "n", devices: new Uint8Array(4) })).toContain("equal length");
  const columns = { devices: new Uint8Array(4), newestUs: new Uint8Array(8), arrivalsMs: new Uint8Array(8) };
  expect(await refusalOf({ nodeId: "n", ...columns })).toContain("device 0 of 0");
});
