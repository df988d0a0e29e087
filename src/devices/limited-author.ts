/** Whoever changes devices, and what those may do who see a part of them. */
import { scopeOf, scopeText } from "../model/access.ts";
import { invalidField, type WatchpostError } from "../model/errors.ts";
import type { Device } from "../wire/gen/devices_pb.ts";
import type { DeviceRecord } from "./device-book.ts";
import type { DeviceSight } from "./seen-devices.ts";

/** The name is what the journal says of them. */
export interface Author {
  readonly name: string;
  readonly sight: DeviceSight;
}

/** INVALID_ARGUMENT. The same whether it would be out of scope, or is there already and is. */
export function outOfScope(field: string, value: string, { name, sight }: Author): WatchpostError {
  return invalidField(field, value, `one in the scope of ${JSON.stringify(name)}: ${scopeText(sight.scope)}`);
}

/** Throws where a device would not be in scope. Of one that is not seen nothing counts but what is asked for. */
export function checkInScope({ deviceId, site }: Device, by: Author): void {
  const { sight } = by;
  const own = { source: deviceId, device: deviceId, site };
  const isSeen = sight.sees(deviceId);
  if (isSeen ? sight.seesAt(deviceId, site) : sight.scope.takes(own)) return;
  const isSite = isSeen || scopeOf({ ...sight.scope.patterns, sites: [] }).takes(own);
  throw isSite ? outOfScope("device.site", site, by) : outOfScope("device.device_id", deviceId, by);
}

/** Throws where part of one that is there is not for them to change, or to take over: its readings would come along. */
export function checkWhole({ id }: DeviceRecord, { name, sight }: Author): void {
  if (sight.seesWhole(id)) return;
  const wanted = `one of which everything is in the scope of ${JSON.stringify(name)}: ${scopeText(sight.scope)}`;
  throw invalidField("device.device_id", id, wanted);
}

/**
 * Throws where an id is that of a device out of scope, or of which part is. `taken`: ids of none, of which points are stored that are
 * out of scope.
 */
export function checkFree(
  deviceId: string,
  record: DeviceRecord | undefined,
  taken: ReadonlySet<string>,
  by: Author,
): void {
  const isTaken = record === undefined ? taken.has(deviceId) : !by.sight.sees(deviceId);
  if (isTaken) throw outOfScope("device.device_id", deviceId, by);
  if (record !== undefined) checkWhole(record, by);
}
