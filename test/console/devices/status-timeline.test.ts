import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "bun:test";
import { sharesOf, statusTimeline } from "../../../src/console/data/status-timeline.ts";
import { DeviceEventSchema, DeviceSchema } from "../../../src/wire/gen/devices_pb.ts";

const at = timestampFromMs;
const turn = (atMs: number, status: string, previousStatus: string, isFlapping = false) =>
  create(DeviceEventSchema, {
    ...{ kind: "status", time: at(atMs), previousStatus },
    device: { deviceId: "d", status, statusReason: `why ${atMs}`, isFlapping },
  });
const device = (status: string, sinceMs: number, createdMs = 1) =>
  create(DeviceSchema, { deviceId: "d", status, statusSince: at(sinceMs), createdAt: at(createdMs) });
const shown = (...args: Parameters<typeof statusTimeline>) =>
  statusTimeline(...args).spans.map(({ fromMs, toMs, status }) => `${fromMs}-${toMs} ${status}`);
const RANGE = { fromMs: 100, toMs: 200 };

describe("spans", () => {
  test("go from the beginning of the range to its end, also where changes are before it", () => {
    const events = [turn(150, "online", "offline"), turn(120, "offline", "online"), turn(50, "online", "late")];
    expect(shown(device("online", 150), events, true, RANGE)).toEqual([
      "100-120 online",
      "120-150 offline",
      "150-200 online",
    ]);
  });

  test("begin with what stood before the first change, and with nothing before the device was there", () => {
    expect(shown(device("late", 150), [turn(150, "late", "online")], true, RANGE)).toEqual([
      "100-150 online",
      "150-200 late",
    ]);
    expect(shown(device("late", 150, 130), [turn(150, "late", "never_seen")], true, RANGE)).toEqual([
      "100-130 unknown",
      "130-150 never_seen",
      "150-200 late",
    ]);
    const new_ = create(DeviceSchema, { deviceId: "d", status: "never_seen", createdAt: at(160) });
    expect(shown(new_, [], true, RANGE)).toEqual(["100-160 unknown", "160-200 never_seen"]);
  });

  test("say that nobody knows where there are earlier events that were not read", () => {
    const registered = create(DeviceEventSchema, { kind: "updated", time: at(140), device: { deviceId: "d" } });
    const events = [turn(180, "online", "late"), registered];
    expect(shown(device("online", 180), events, false, RANGE)).toEqual([
      "100-140 unknown",
      "140-180 late",
      "180-200 online",
    ]);
  });

  test("a change that is not in the journal shows as it stands now; what changes to itself is one span", () => {
    const events = [turn(130, "late", "online"), turn(120, "online", "online")];
    expect(shown(device("offline", 190), events, true, RANGE)).toEqual([
      "100-130 online",
      "130-190 late",
      "190-200 offline",
    ]);
  });

  test("flapping is told apart, and why stands with each", () => {
    const events = [turn(150, "late", "online", true), turn(110, "late", "online")];
    const { spans, changes } = statusTimeline(device("late", 150), events, true, RANGE);
    expect(spans.map(({ isFlapping, reason }) => [isFlapping, reason])).toEqual([
      [false, ""],
      [false, "why 110"],
      [true, "why 150"],
    ]);
    expect(changes).toBe(2);
  });
});

test("shares are of the time that is known, the longest first", () => {
  const events = [turn(190, "offline", "online")];
  const { spans } = statusTimeline(device("offline", 190, 150), events, true, RANGE);
  expect(sharesOf(spans)).toEqual([
    ["online", 0.8],
    ["offline", 0.2],
  ]);
  expect(sharesOf([])).toEqual([]);
});
