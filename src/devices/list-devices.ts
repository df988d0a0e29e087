/** ListDevices: those that come first behind a place in the order asked for, in one pass over all. */
import { invalidField } from "../model/errors.ts";
import type { ListDevicesRequest } from "../wire/gen/devices_pb.ts";
import type { DeviceBook, DeviceRecord } from "./device-book.ts";
import { bareFacts, filterOf } from "./device-filter.ts";
import { messageOf, type MessageDeps } from "./device-message.ts";
import { learnReadings } from "./learn-readings.ts";
import type { DeviceSight } from "./seen-devices.ts";

export interface ListDeps extends MessageDeps {
  readonly book: DeviceBook;
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

type Value = string | number;
interface Place {
  readonly value: Value;
  readonly id: string;
}

const PAGE_SIZE = 100;
const PAGE_SIZE_MAX = 1_000;
const RECORDS_AT_ONCE = 5_000;
/** What needs somebody first. */
const STATUS_ORDER = ["offline", "stale", "late", "never_seen", "online"];
const ORDERS = ["id", "name", "status", "last_seen", "site"];

/** Of those in scope alone. */
export async function listDevices(request: ListDevicesRequest, sight: DeviceSight, deps: ListDeps) {
  const { pageSize, pageToken } = request;
  if (pageSize < 0 || pageSize > PAGE_SIZE_MAX) throw invalidField("page_size", pageSize, `0 to ${PAGE_SIZE_MAX}`);
  const filter = filterOf(request);
  const order = request.orderBy || "id";
  const isReversed = order.startsWith("-");
  const valueOf = valuesFor(order.slice(isReversed ? 1 : 0), deps);
  const compare = (a: Place, b: Place) =>
    (isReversed ? -1 : 1) * (compareValues(a.value, b.value) || compareValues(a.id, b.id));
  const after = pageToken === "" ? undefined : placeOf(pageToken, order);
  // One more tells whether there is a next page.
  const first = new First(compare, (pageSize || PAGE_SIZE) + 1);
  const byStatus: Record<string, bigint> = {};
  let [total, looked] = [0, 0];
  for (const record of deps.book.told()) {
    if (++looked % RECORDS_AT_ONCE === 0) await deps.pause();
    const { status } = record.standing;
    if (!filter.takes(record.stored ?? bareFacts(record), status) || !sight.seesRecord(record)) continue;
    total++;
    byStatus[status] = (byStatus[status] ?? 0n) + 1n;
    const place = { value: valueOf(record), id: record.id, record };
    if (after === undefined || compare(place, after) > 0) first.add(place);
  }
  const found = first.take();
  const page = found.slice(0, pageSize || PAGE_SIZE);
  const records = page.map(({ record }) => record);
  await learnReadings(records, false, deps);
  return {
    devices: records.map((record) => messageOf(record, false, deps, sight.seesSeries)),
    nextPageToken: found.length > page.length ? tokenOf(page.at(-1)!, order) : "",
    total: BigInt(total),
    byStatus,
  };
}

function valuesFor(order: string, { statuses }: ListDeps): (record: DeviceRecord) => Value {
  switch (order) {
    case "id":
      return ({ id }) => id;
    case "name":
      return ({ stored }) => stored?.name ?? "";
    case "site":
      return ({ stored, foundSite }) => stored?.site ?? foundSite;
    case "status":
      return ({ standing }) => STATUS_ORDER.indexOf(standing.status);
    case "last_seen":
      return ({ index }) => statuses.seenMs(index);
    default:
      throw invalidField("order_by", order, `${ORDERS.join(", ")}, or one of them behind "-"`);
  }
}

/** The first so many of all that are added. */
class First<P extends Place & { readonly record: DeviceRecord }> {
  readonly #compare: (a: Place, b: Place) => number;
  readonly #count: number;
  #kept: P[] = [];
  /** What comes behind it is not among them. */
  #last: P | undefined;

  constructor(compare: (a: Place, b: Place) => number, count: number) {
    this.#compare = compare;
    this.#count = count;
  }

  add(place: P): void {
    if (this.#last !== undefined && this.#compare(place, this.#last) >= 0) return;
    this.#kept.push(place);
    if (this.#kept.length >= 4 * this.#count) this.#cut();
  }

  take(): P[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort(this.#compare);
    this.#kept.length = Math.min(this.#kept.length, this.#count);
    if (this.#kept.length === this.#count) this.#last = this.#kept.at(-1);
  }
}

function compareValues(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tokenOf({ value, id }: Place, order: string): string {
  return Buffer.from(JSON.stringify([order, value, id])).toString("base64url");
}

function placeOf(token: string, order: string): Place {
  try {
    const [of, value, id] = JSON.parse(Buffer.from(token, "base64url").toString()) as unknown[];
    const isValue = typeof value === "string" || typeof value === "number";
    if (of === order && isValue && typeof id === "string") return { value, id };
  } catch {
    // No token of ours, like what is none of the above.
  }
  throw invalidField("page_token", token, "next_page_token of the page before, unchanged, in the same order");
}
