/** The devices there are, in memory: as they were told. A device has a small index, which one that is new may get again. Pure. */
import type { Device } from "../wire/gen/devices_pb.ts";
import { NEVER_SEEN, type Standing } from "./device-documents.ts";
import { STATUSES } from "./status/status.ts";

export interface DeviceRecord {
  readonly id: string;
  readonly index: number;
  createdMs: number;
  /** It is in the journal; before, nobody hears of it. Set by {@link DeviceBook.tell}, as its standing is. */
  isTold: boolean;
  /** Undefined: it was found in the data alone, and nothing more is known of it. */
  stored: Device | undefined;
  /** What the tag `site` of its points says; "": nothing. It holds until somebody, or the device, says more of it. */
  foundSite: string;
  standing: Standing;
}

/** Devices above one; more are left out. */
export const DEPTH_MAX = 32;

export class DeviceBook {
  /** Those of which points are stored still, and when that was, Unix milliseconds; 0: before the start. */
  readonly deleted = new Map<string, number>();
  readonly #records: (DeviceRecord | undefined)[] = [];
  readonly #byId = new Map<string, DeviceRecord>();
  readonly #children = new Map<string, Set<string>>();
  readonly #free: number[] = [];
  readonly #countOf = new Map<string, number>(STATUSES.map((status) => [status, 0]));

  /** Those that are not told yet count. */
  get count(): number {
    return this.#byId.size;
  }

  /** How many that were told have each status. */
  get countOf(): ReadonlyMap<string, number> {
    return this.#countOf;
  }

  /** From now on it is known how it stands. */
  tell(record: DeviceRecord, standing: Standing): void {
    if (record.isTold) this.#count(record, -1);
    record.isTold = true;
    record.standing = standing;
    this.#count(record, 1);
  }

  get(id: string): DeviceRecord | undefined {
    return this.#byId.get(id);
  }

  at(index: number): DeviceRecord | undefined {
    return this.#records[index];
  }

  /** It must not be there. */
  add(id: string, createdMs: number): DeviceRecord {
    const index = this.#free.pop() ?? this.#records.length;
    const record = { id, index, createdMs, isTold: false, stored: undefined, foundSite: "", standing: NEVER_SEEN };
    this.#records[index] = record;
    this.#byId.set(id, record);
    return record;
  }

  setStored(record: DeviceRecord, device: Device | undefined): void {
    this.#leave(record);
    record.stored = device;
    const parent = device?.parent ?? "";
    if (parent === "") return;
    const children = this.#children.get(parent);
    if (children === undefined) this.#children.set(parent, new Set([record.id]));
    else children.add(record.id);
  }

  remove(record: DeviceRecord): void {
    this.#leave(record);
    if (record.isTold) this.#count(record, -1);
    this.#byId.delete(record.id);
    this.#records[record.index] = undefined;
    this.#free.push(record.index);
  }

  /** That were told, in no order. */
  *told(): Generator<DeviceRecord, void> {
    for (const record of this.#byId.values()) if (record.isTold) yield record;
  }

  /** Ids of devices that name it as their parent, whether it is there or not. */
  childrenOf(id: string): ReadonlySet<string> {
    return this.#children.get(id) ?? NOBODY;
  }

  /** Ids of the devices above one, the nearest first, each once, at most {@link DEPTH_MAX}. */
  parentsOf(id: string): string[] {
    const parents: string[] = [];
    for (let parent = this.#parentOf(id); parent !== ""; parent = this.#parentOf(parent)) {
      if (parent === id || parents.length >= DEPTH_MAX || parents.includes(parent)) break;
      parents.push(parent);
    }
    return parents;
  }

  #count({ standing: { status } }: DeviceRecord, by: number): void {
    this.#countOf.set(status, (this.#countOf.get(status) ?? 0) + by);
  }

  #parentOf(id: string): string {
    return this.#byId.get(id)?.stored?.parent ?? "";
  }

  #leave({ id, stored }: DeviceRecord): void {
    const parent = stored?.parent ?? "";
    const children = this.#children.get(parent);
    children?.delete(id);
    if (children?.size === 0) this.#children.delete(parent);
  }
}

const NOBODY: ReadonlySet<string> = new Set();
