/** Devices as text: the live screen, lines, and what a stream makes of what is known. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { afterEvent } from "../../src/client/follow-devices.ts";
import { eventLine, intervalOf } from "../../src/cli/device-text.ts";
import { deviceScreen } from "../../src/cli/watch-devices.ts";
import { DeviceEventSchema, DeviceSchema } from "../../src/wire/gen/devices_pb.ts";

const plain = (text: string) => Bun.stripANSI(text);
const lines = (text: string) => plain(text).split("\n");

test("the live screen shows what needs somebody first, as much as fits, and since when", () => {
  const since = timestampFromMs(Date.now() - 90_000);
  const devices = ["online", "late", "offline", "stale", "online"].map((status, i) =>
    create(DeviceSchema, { deviceId: `d${i}`, status, statusSince: since, lastSeen: since }),
  );
  const all = lines(deviceScreen(devices, "host:1", "", { columns: 120, rows: 30 }));
  expect(all[0]).toStartWith("Watchpost host:1  5 devices: 2 online, 1 late, 1 offline, 1 stale");
  expect(all[1].split(/ {2,}/)).toEqual(["DEVICE", "STATUS", "SINCE", "INTERVAL"]);
  expect(all.slice(2).map((line) => line.split(/ +/)[0])).toEqual(["d2", "d3", "d1", "d0", "d4"]);
  const few = lines(deviceScreen(devices, "host:1", "away", { columns: 20, rows: 7 }));
  expect(few.at(-1)).toBe("… 3 more");
  expect(few.every((line) => Bun.stringWidth(line) <= 20)).toBe(true);
  expect(few[1]).toBe("away");
});

test("intervals say whether they were learned", () => {
  expect(intervalOf(create(DeviceSchema, { expectedIntervalMs: 90_000n, gapP95Ms: 5n }))).toBe("1m30s");
  expect(intervalOf(create(DeviceSchema, { gapP95Ms: 61_234n }))).toBe("~1m1s");
  expect(intervalOf(create(DeviceSchema, { isEventDriven: true }))).toBe("on events");
  expect(intervalOf(create(DeviceSchema))).toBe("-");
});

test("who registered a device is told, and that nobody did", () => {
  const line = (actor: string) =>
    plain(eventLine(create(DeviceEventSchema, { kind: "registered", actor, device: { deviceId: "p" } })));
  expect([line("ann"), line("system")]).toEqual(["p  registered  by ann", "p  found in the data"]);
});

test("a status is told in a line, and changes nothing else of what is known", () => {
  const device = { deviceId: "p\u001b", site: "n", status: "offline", statusReason: "no\npower", isFlapping: true };
  const event = create(DeviceEventSchema, { kind: "status", previousStatus: "never_seen", actor: "ann", device });
  expect(plain(eventLine(event))).toBe("p\ufffd  never seen -> offline, flapping: no power  by ann");
  expect(plain(eventLine({ ...event, omitted: 12n }))).toEndWith(
    "flapping: no power  (12 changes before it left out)  by ann",
  );
  const known = create(DeviceSchema, {
    deviceId: "p\u001b",
    model: "M",
    sensors: [{ metricName: "t" }],
    status: "online",
  });
  expect(afterEvent(known, event)).toMatchObject({
    model: "M",
    sensors: [{ metricName: "t" }],
    status: "offline",
    isFlapping: true,
  });
  expect(known.status).toBe("online");
  expect(afterEvent(undefined, event)).toMatchObject({ deviceId: "p\u001b", site: "n" });
  for (const kind of ["left", "deleted"])
    expect(afterEvent(known, create(DeviceEventSchema, { kind, device }))).toBeUndefined();
});
