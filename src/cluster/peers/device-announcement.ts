/** What a device says of itself, on its way to the node that runs devices. Pure. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { AnnouncedSensor, DeviceEvent } from "../../model/device-event.ts";
import { invalidField } from "../../model/errors.ts";
import {
  DeviceAnnouncementSchema,
  type DeviceAnnouncement,
  type DeviceAnnouncement_Sensor,
} from "../../wire/gen/nodes_pb.ts";

type Init = MessageInitShape<typeof DeviceAnnouncementSchema>;

export function deviceAnnouncement({ timeMs, sensors, properties, ...event }: DeviceEvent): DeviceAnnouncement {
  const message: Init = {
    ...event,
    timeMs: BigInt(Math.floor(timeMs)),
    ...(sensors && { sensors: { sensors: sensors.map((sensor) => ({ ...sensor })) } }),
    properties: Object.fromEntries(properties ?? []),
  };
  return create(DeviceAnnouncementSchema, message);
}

/** Inverse of {@link deviceAnnouncement}. Throws INVALID_ARGUMENT. */
export function deviceEventOf(message: DeviceAnnouncement): DeviceEvent {
  const { kind, device, parent, timeMs, reason, sensors, model, firmware, properties } = message;
  if (kind !== "birth" && kind !== "death") throw invalidField("kind", kind, '"birth" or "death"');
  return {
    ...{ kind, device, timeMs: Number(timeMs), reason },
    ...(parent !== undefined && { parent }),
    ...(model !== undefined && { model }),
    ...(firmware !== undefined && { firmware }),
    ...(sensors !== undefined && { sensors: sensors.sensors.map(sensorOf) }),
    properties: new Map(Object.entries(properties)),
  };
}

function sensorOf({ metric, unit, description }: DeviceAnnouncement_Sensor): AnnouncedSensor {
  return { metric, ...(unit !== undefined && { unit }), ...(description !== undefined && { description }) };
}
