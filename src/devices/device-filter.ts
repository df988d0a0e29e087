/** Which devices a list or a stream is of. Pure. */
import { invalidField } from "../model/errors.ts";
import { nameIn } from "../model/texts.ts";
import type { Device } from "../wire/gen/devices_pb.ts";
import type { DeviceRecord } from "./device-book.ts";
import { deviceIdIn } from "./device-input.ts";
import { STATUSES } from "./status/status.ts";

export interface DeviceFilter {
  readonly statuses: readonly string[];
  readonly sites: readonly string[];
  readonly types: readonly string[];
  readonly parents: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly search?: string;
}

export type DeviceFacts = Pick<Device, "deviceId" | "name" | "type" | "site" | "parent" | "tags">;

export interface DeviceTaker {
  takes(device: DeviceFacts, status: string): boolean;
}

const ANY_MAX = 1_000;

/** Throws INVALID_ARGUMENT. */
export function filterOf({ statuses, sites, types, parents, tags, search = "" }: DeviceFilter): DeviceTaker {
  const known: readonly string[] = STATUSES;
  const wrong = statuses.find((status) => !known.includes(status));
  if (wrong !== undefined) throw invalidField("statuses", wrong, known.join(", "));
  const lists = { sites, types, parents };
  for (const [field, list] of Object.entries(lists)) {
    if (list.length > ANY_MAX) throw invalidField(field, `${list.length} of them`, `at most ${ANY_MAX}`);
    list.forEach((one) => (field === "parents" && one !== "" ? deviceIdIn(one, field) : nameIn(one, field, 512)));
  }
  const wantedTags = Object.entries(tags);
  if (wantedTags.length > ANY_MAX) throw invalidField("tags", `${wantedTags.length} of them`, `at most ${ANY_MAX}`);
  const words = nameIn(search, "search").toLowerCase();
  const [ofStatus, ofSite, ofType, ofParent] = [statuses, sites, types, parents].map((list) => new Set(list));
  const has = (text: string) => text.toLowerCase().includes(words);
  return {
    takes: (device, status) =>
      (ofStatus.size === 0 || ofStatus.has(status)) &&
      (ofSite.size === 0 || ofSite.has(device.site)) &&
      (ofType.size === 0 || ofType.has(device.type)) &&
      (ofParent.size === 0 || ofParent.has(device.parent)) &&
      wantedTags.every(([key, value]) => Object.hasOwn(device.tags, key) && device.tags[key] === value) &&
      (words === "" || has(device.deviceId) || has(device.name)),
  };
}

/** Of one that was found in the data alone. */
export function bareFacts({ id, foundSite }: Pick<DeviceRecord, "id" | "foundSite">): DeviceFacts {
  return { deviceId: id, name: "", type: "", site: foundSite, parent: "", tags: {} };
}
