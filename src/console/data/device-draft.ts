/** What a person writes of a device, as text, and what of it has changed. Pure. */
import { create } from "@bufbuild/protobuf";
import { formatDurationMs } from "../../model/duration.ts";
import { DeviceSchema, type Device } from "../../wire/gen/devices_pb.ts";
import { durationOf } from "./typed-duration.ts";

export interface DeviceDraft {
  readonly deviceId: string;
  readonly name: string;
  readonly site: string;
  readonly type: string;
  readonly model: string;
  readonly parent: string;
  /** "key=value", a line each. */
  readonly tags: string;
  /** Such as "30s"; "": found out from what comes. */
  readonly interval: string;
  readonly isEventDriven: boolean;
}

type DraftField = keyof DeviceDraft;

export const EMPTY_DRAFT: DeviceDraft = {
  ...{ deviceId: "", name: "", site: "", type: "", model: "", parent: "", tags: "", interval: "" },
  isEventDriven: false,
};

/** As UpdateDevice calls them. */
const FIELD_NAMES: readonly (readonly [DraftField, string])[] = [
  ["name", "name"],
  ["site", "site"],
  ["type", "type"],
  ["model", "model"],
  ["parent", "parent"],
  ["tags", "tags"],
  ["interval", "expected_interval_ms"],
  ["isEventDriven", "is_event_driven"],
];

export function draftOf(device: Device): DeviceDraft {
  const { deviceId, name, site, type, model, parent, tags, expectedIntervalMs, isEventDriven } = device;
  const lines = Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const interval = expectedIntervalMs === 0n ? "" : formatDurationMs(Number(expectedIntervalMs));
  return { deviceId, name, site, type, model, parent, tags: lines.join("\n"), interval, isEventDriven };
}

/** By field what is wrong with it. */
export function problemsOfDraft({ deviceId, tags, interval }: DeviceDraft): Partial<Record<DraftField, string>> {
  const wrongTag = tagLines(tags).find((line) => line.indexOf("=") < 1);
  const twice = tagLines(tags)
    .map(keyOf)
    .find((key, i, all) => all.indexOf(key) < i);
  return {
    ...(deviceId.trim() === "" && { deviceId: "Say which: the tag “device” of its points, or else their source" }),
    ...(twice !== undefined && { tags: `“${twice}” stands there twice` }),
    ...(wrongTag !== undefined && { tags: `“${wrongTag}” is no key=value` }),
    ...(interval.trim() !== "" && intervalMsOf(interval) === undefined && { interval: "Such as 30s, 5m or 1h30m" }),
  };
}

/** Of a draft without problems. */
export function deviceOfDraft(draft: DeviceDraft): Device {
  const { deviceId, interval, tags, isEventDriven } = draft;
  const texts = Object.fromEntries(
    (["name", "site", "type", "model", "parent"] as const).map((field) => [field, draft[field].trim()]),
  );
  const pairs = tagLines(tags).map((line) => [keyOf(line), line.slice(line.indexOf("=") + 1).trim()]);
  return create(DeviceSchema, {
    ...texts,
    ...{ deviceId: deviceId.trim(), isEventDriven, tags: Object.fromEntries(pairs) as Record<string, string> },
    expectedIntervalMs: BigInt(interval.trim() === "" ? 0 : (intervalMsOf(interval) ?? 0)),
  });
}

/** Names of what is different, as UpdateDevice takes them; of a text space around it is none. */
export function changedFields(before: DeviceDraft, after: DeviceDraft): string[] {
  const [was, is] = [draftOf(deviceOfDraft(before)), draftOf(deviceOfDraft(after))];
  return FIELD_NAMES.filter(([field]) => was[field] !== is[field]).map(([, name]) => name);
}

/** Of two what both changed, with what it became here and there. */
export function conflictsOf(before: DeviceDraft, mine: DeviceDraft, theirs: DeviceDraft) {
  const [fields, others] = [changedFields(before, mine), changedFields(before, theirs)];
  return FIELD_NAMES.filter(([field, name]) => {
    return fields.includes(name) && others.includes(name) && mine[field] !== theirs[field];
  }).map(([field]) => ({ field, mine: String(mine[field]), theirs: String(theirs[field]) }));
}

/** What I changed on top of what they made of it. */
export function mergedDraft(before: DeviceDraft, mine: DeviceDraft, theirs: DeviceDraft): DeviceDraft {
  const changed = changedFields(before, mine);
  const kept = FIELD_NAMES.filter(([, name]) => changed.includes(name)).map(([field]) => [field, mine[field]]);
  return { ...theirs, ...Object.fromEntries(kept) };
}

function intervalMsOf(text: string): number | undefined {
  const ms = durationOf(/^\d+$/.test(text.trim()) ? `${text.trim()}s` : text);
  return Number.isInteger(ms) ? ms : undefined;
}

function tagLines(tags: string): string[] {
  return tags
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

function keyOf(line: string): string {
  return line.slice(0, line.indexOf("=")).trim();
}
