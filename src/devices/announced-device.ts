/** What a device says of itself, taken item by item: what cannot be kept of it costs only itself. Pure. */
import { clone, create } from "@bufbuild/protobuf";
import type { AnnouncedSensor, DeviceEvent as Announcement } from "../model/device-event.ts";
import { WatchpostError } from "../model/errors.ts";
import { lineIn } from "../model/texts.ts";
import { DeviceSchema, SensorSchema, type Device, type Sensor } from "../wire/gen/devices_pb.ts";
import { addTags } from "./change-device.ts";
import {
  checkedSensor,
  checkedTag,
  deviceIdIn,
  DESCRIPTION_LENGTH_MAX,
  SENSORS_MAX,
  UNIT_LENGTH_MAX,
} from "./device-input.ts";

const SAID_MAX = 5;

/** What was not taken, and why. */
export class LeftOut {
  readonly #said: string[] = [];
  #count = 0;

  get isNothing(): boolean {
    return this.#count === 0;
  }

  /** What `check` returns; undefined where it throws what somebody did wrong. */
  take<T>(check: () => T): T | undefined {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      this.add(error.message);
      return undefined;
    }
  }

  add(why: string): void {
    this.#count++;
    if (this.#said.length < SAID_MAX) this.#said.push(why);
  }

  toString(): string {
    const more = this.#count - this.#said.length;
    return `${this.#said.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
  }
}

/**
 * `before` with what the device says of itself where nobody has said anything else: who registers a device knows better than its
 * firmware. Only its firmware and where it is reached it knows best.
 */
export function withAnnounced(before: Device, announced: Announcement, leftOut: LeftOut): Device {
  const after = withIdentity(before, announced, leftOut);
  const tags = Array.from(announced.properties ?? [], ([key, value]) => {
    return leftOut.take(() => checkedTag(key, value, "properties"));
  });
  addTags(
    after.tags,
    tags.filter((tag) => tag !== undefined),
  );
  const known = new Map(after.sensors.map((sensor) => [sensor.metricName, sensor]));
  for (const sensor of announced.sensors ?? []) announceSensor(after, known, sensor, leftOut);
  return after;
}

/** The same without properties and sensors, for a device that would be too large with them. */
export function withIdentity(before: Device, { parent, firmware, model }: Announcement, leftOut: LeftOut): Device {
  const after = clone(DeviceSchema, before);
  if (parent !== undefined) {
    after.parent = leftOut.take(() => (parent === "" ? "" : deviceIdIn(parent, "parent"))) ?? before.parent;
  }
  if (firmware !== undefined) {
    after.firmware = leftOut.take(() => lineIn(firmware, "firmware")) ?? before.firmware;
  }
  if (model !== undefined && after.model === "") after.model = leftOut.take(() => lineIn(model, "model")) ?? "";
  return after;
}

function announceSensor(
  after: Device,
  known: Map<string, Sensor>,
  { metric, unit = "", description = "" }: AnnouncedSensor,
  leftOut: LeftOut,
): void {
  let sensor = known.get(metric);
  if (sensor === undefined) {
    if (after.sensors.length >= SENSORS_MAX) return;
    sensor = leftOut.take(() => checkedSensor(create(SensorSchema, { metricName: metric }), "sensors."));
    if (sensor === undefined) return;
    known.set(metric, sensor);
    after.sensors.push(sensor);
  }
  const path = `sensors.${metric}.`;
  sensor.unit ||= leftOut.take(() => lineIn(unit, `${path}unit`, UNIT_LENGTH_MAX)) ?? "";
  sensor.description ||= leftOut.take(() => lineIn(description, `${path}description`, DESCRIPTION_LENGTH_MAX)) ?? "";
}
