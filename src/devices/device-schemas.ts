/** Sensors of devices as readings are judged and shown by them. Pure. */
import type { DeviceSchemas, SensorSchema, SensorSchemas } from "../model/sensor-schemas.ts";
import type { Device } from "../wire/gen/devices_pb.ts";

export type SchemasOfDevices = Pick<SensorSchemas, "set" | "outsideOf">;

/** Of devices by id; undefined: there is none any more. */
export function schemasOf(devices: ReadonlyMap<string, Device | undefined>): Map<string, DeviceSchemas | undefined> {
  return new Map([...devices].map(([id, device]) => [id, device && ofSensors(device)]));
}

function ofSensors({ sensors }: Device): DeviceSchemas {
  return new Map(
    sensors.map(({ metricName, unit, validMin, validMax, outOfRange }): [string, SensorSchema] => [
      metricName,
      {
        unit,
        validMin: validMin ?? -Infinity,
        validMax: validMax ?? Infinity,
        refusesOutside: outOfRange === "refuse",
      },
    ]),
  );
}
