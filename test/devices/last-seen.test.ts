/** WatchLastSeen: all first, then what was heard since; it keeps nothing for a reader. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Devices, WatchLastSeenRequestSchema, type LastSeenUpdate } from "../../src/wire/gen/devices_pb.ts";
import { ANONYMOUS } from "../../src/wire/service.ts";
import { DeviceRig } from "./rig.ts";

function watch(rig: DeviceRig, intervalMs: number, signal = new AbortController().signal) {
  const impl = rig.devices.methods.find(({ method }) => method === Devices.method.watchLastSeen)!;
  const run = impl.run as unknown as (request: object, context: object) => AsyncGenerator<LastSeenUpdate>;
  const context = { signal, principal: ANONYMOUS, headers: new Map(), peer: "test" };
  return run(create(WatchLastSeenRequestSchema, { intervalMs }), context);
}

function pairsOf({ deviceIds, lastSeenMs }: LastSeenUpdate): Record<string, number> {
  return Object.fromEntries(deviceIds.map((id, i) => [id, Number(lastSeenMs[i])]));
}

test("first all that were ever heard, then those alone that were heard since, each as it was last", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "silent" });
  const [a, b] = [rig.series("t", "s", { device: "a" }), rig.series("t", "s", { device: "b" })];
  const startMs = rig.clock.nowMs();
  rig.send([a, b]);
  await rig.settle(1_000);
  const over = new AbortController();
  const stream = watch(rig, 2_000, over.signal);
  expect(pairsOf((await stream.next()).value as LastSeenUpdate)).toEqual({ a: startMs, b: startMs });
  const next = stream.next();
  for (let i = 0; i < 3; i++) {
    await rig.settle(500);
    rig.send([b]);
  }
  const heardMs = rig.clock.nowMs();
  await rig.settle(500);
  expect(pairsOf((await next).value as LastSeenUpdate)).toEqual({ b: heardMs });
  const none = stream.next();
  await rig.settle(20_000);
  rig.send([a]);
  await rig.settle(2_000);
  expect(Object.keys(pairsOf((await none).value as LastSeenUpdate))).toEqual(["a"]);
  const last = stream.next();
  over.abort();
  expect((await last).done).toBe(true);
});

test("intervals that are too short or too long are refused by name", async () => {
  const rig = await DeviceRig.open();
  for (const ms of [-1, 1, 999, 60_001]) expect(watch(rig, ms).next()).rejects.toThrow("interval_ms");
});
