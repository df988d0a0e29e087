/**
 * Devices as whoever sends points sees them. One without points is nobody's source yet, so scopes that name sources say nothing of it:
 * it is that of whoever told of it first, until points say more. So a gateway can tell of its devices before they send anything.
 */
import { scopeOf } from "../model/access.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { Principal } from "../wire/service.ts";
import type { DeviceBook } from "./device-book.ts";
import { DEVICE_EVENT, SYSTEM, subjectOf } from "./device-documents.ts";
import type { DeviceSight, SeenDevices } from "./seen-devices.ts";

export interface SenderSightDeps {
  readonly seen: Pick<SeenDevices, "of" | "takenOf">;
  readonly book: Pick<DeviceBook, "get">;
  readonly journal: { read(query: JournalQuery): Promise<readonly JournalEntry[]> };
  hasPoints(deviceId: string): boolean;
}

/** Of one device, the last of them. */
const EVENTS_LOOKED_AT = 200;

/** For what is said of that device. Rejects as the journal does. */
export async function senderSight(
  deviceId: string,
  { name, scope: { isEverything, patterns }, scope }: Pick<Principal, "name" | "scope">,
  { seen, book, journal, hasPoints }: SenderSightDeps,
): Promise<DeviceSight> {
  const sight = seen.of(scope);
  if (isEverything || patterns.sources.length === 0 || hasPoints(deviceId)) return sight;
  const isFree = book.get(deviceId) === undefined && (await seen.takenOf([deviceId], sight)).size === 0;
  if (!isFree && !(await isToldFirstBy(name, deviceId, journal))) return sight;
  const wherever = seen.of(scopeOf({ ...patterns, sources: [] }));
  // Asked anew each time: points may come meanwhile.
  const own = (id: string) => (id === deviceId && !hasPoints(id) ? wherever : sight);
  return {
    ...sight,
    scope: { ...scope, takes: (place) => (own(place.device) === wherever ? wherever.scope : scope).takes(place) },
    sees: (id) => own(id).sees(id),
    seesAt: (id, site) => own(id).seesAt(id, site),
    seesWhole: (id) => own(id).seesWhole(id),
  };
}

async function isToldFirstBy(name: string, deviceId: string, journal: SenderSightDeps["journal"]): Promise<boolean> {
  const query = {
    ...{ after: 0, kind: DEVICE_EVENT, subject: subjectOf(deviceId), descending: true, limit: EVENTS_LOOKED_AT },
  };
  let first = "";
  for (const { actor, payload } of await journal.read(query)) {
    // Before that it was another one.
    if ((JSON.parse(payload) as { readonly kind?: unknown }).kind === "deleted") break;
    if (actor !== SYSTEM) first = actor;
  }
  return first === name;
}
