import { expect, test } from "bun:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { deviceAnnouncement, deviceEventOf } from "../../src/cluster/peers/device-announcement.ts";
import type { DeviceEvent } from "../../src/model/device-event.ts";
import { DeviceAnnouncementSchema } from "../../src/wire/gen/nodes_pb.ts";

function over(event: DeviceEvent): DeviceEvent {
  return deviceEventOf(
    fromBinary(DeviceAnnouncementSchema, toBinary(DeviceAnnouncementSchema, deviceAnnouncement(event))),
  );
}

test("what a device says of itself comes as it was said, also what it does not say", () => {
  const death: DeviceEvent = { kind: "death", device: "press", timeMs: 5, reason: "last will" };
  expect(over(death)).toEqual({ ...death, properties: new Map() });
  const birth: DeviceEvent = {
    ...{ kind: "birth", device: "press", parent: "", timeMs: 5, reason: "", model: "", firmware: "2" },
    sensors: [{ metric: "t", unit: "", description: "of the oil" }, { metric: "u" }],
    properties: new Map([["line", "3"]]),
  };
  expect(over(birth)).toEqual(birth);
  expect(over({ ...death, sensors: [] }).sensors).toEqual([]);
  expect(() => over({ ...death, kind: "rest" as "death" })).toThrow('kind is "rest"; wanted "birth" or "death"');
});
