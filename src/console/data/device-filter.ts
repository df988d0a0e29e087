/** Which devices a list shows; it stands in the address. Pure. */
import type { Device } from "../../wire/gen/devices_pb.ts";
import { unknownWords } from "./unknown-words.ts";

export interface DeviceFilter {
  /** Words, all of which have to be somewhere in what a device is called and is. */
  readonly search: string;
  /** None: all. */
  readonly statuses: readonly string[];
  /** "" all, {@link NOWHERE} those without. */
  readonly site: string;
  readonly type: string;
  /** "key=value", or a key alone: whatever its value. All must hold. */
  readonly tags: readonly string[];
}

export const FILTER_PARAMS = ["search", "status", "site", "type", "tags"] as const;
/** Of those that have none. */
export const NOWHERE = "-";

/** What of an address is no filter, in sentences: addresses are typed, and cut off in mails. */
export function mistakesInDevices(params: URLSearchParams, statuses: readonly string[]): string[] {
  const tags = listOf(params.get("tags") ?? "").filter((tag) => tag.startsWith("="));
  return [
    ...unknownWords("status", params.get("status"), statuses),
    ...tags.map((tag) => `tags has "${tag}"; wanted key=value, or a key`),
  ];
}

/** What is unknown in an address is left out, and said by {@link mistakesInDevices}. */
export function deviceFilterOf(params: URLSearchParams, statuses: readonly string[]): DeviceFilter {
  const text = (name: string) => params.get(name) ?? "";
  return {
    search: text("search"),
    statuses: listOf(text("status")).filter((status) => statuses.includes(status)),
    site: text("site"),
    type: text("type"),
    tags: listOf(text("tags")).filter((tag) => !tag.startsWith("=")),
  };
}

export function takesDevice(filter: DeviceFilter): (device: Device) => boolean {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = filter.tags.map((tag) => {
    const at = tag.indexOf("=");
    return at < 0 ? { key: tag } : { key: tag.slice(0, at), value: tag.slice(at + 1) };
  });
  const { statuses, site, type } = filter;
  return (device) =>
    (statuses.length === 0 || statuses.includes(device.status)) &&
    takesName(site, device.site) &&
    takesName(type, device.type) &&
    wanted.every(({ key, value }) => {
      return Object.hasOwn(device.tags, key) && (value === undefined || device.tags[key] === value);
    }) &&
    (words.length === 0 || hasWords(device, words));
}

/** Values of one kind that there are, in order. */
export function valuesOf(devices: Iterable<Device>, valueOf: (device: Device) => string): string[] {
  return [...new Set(Array.from(devices, valueOf))].filter((value) => value !== "").sort();
}

function takesName(wanted: string, name: string): boolean {
  return wanted === "" || name === (wanted === NOWHERE ? "" : wanted);
}

function hasWords({ deviceId, name, site, type, model, tags }: Device, words: readonly string[]): boolean {
  const text = [deviceId, name, site, type, model, ...Object.values(tags)].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
}
