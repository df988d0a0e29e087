/** Aggregation over several devices: the series of a feed by metric and by the values of some tags. */
import { valueForFilter } from "../model/matcher.ts";
import type { SeriesIdentity } from "../model/series-key.ts";
import type { Aggregation } from "../wire/gen/history_pb.ts";
import { aggregate, pick } from "./aggregate.ts";
import { encodeAggregate, encodeGroupConstants, type ValueParts } from "./encode.ts";
import type { LatestValues } from "./latest-values.ts";

export interface Group {
  readonly constants: Uint8Array;
  /** Values of the tags that make it, "" where a series has none. */
  readonly tags: readonly (readonly [string, string])[];
  /** Of its series, in the feed. */
  readonly slots: number[];
  /** The update that told of others than those before. */
  membersUpdate: number;
}

export class Groups {
  readonly #by: readonly string[];
  readonly #aggregation: Aggregation;
  readonly #groups = new Map<string, Group>();

  constructor(by: readonly string[], aggregation: Aggregation) {
    this.#by = by;
    this.#aggregation = aggregation;
  }

  all(): Iterable<Group> {
    return this.#groups.values();
  }

  add(slot: number, identity: SeriesIdentity): void {
    const { key, tags } = this.#placeOf(identity);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { constants: encodeGroupConstants(identity.metric, tags), tags, slots: [], membersUpdate: 0 };
      this.#groups.set(key, group);
    }
    group.slots.push(slot);
  }

  /** `update`: the one that tells of it. */
  remove(slot: number, identity: SeriesIdentity, update: number): void {
    const { key } = this.#placeOf(identity);
    const group = this.#groups.get(key)!;
    group.slots.splice(group.slots.indexOf(slot), 1);
    group.membersUpdate = update;
    if (group.slots.length === 0) this.#groups.delete(key);
  }

  /** The statistics of a group's values: of those series, at least one. */
  summarize(group: Group, ids: readonly number[], latest: LatestValues): Omit<ValueParts, "stale"> {
    const statistics = aggregate(Float64Array.from(ids, (id) => latest.values[id]));
    const timeUs = ids.reduce((newest, id) => Math.max(newest, latest.timesUs[id]), 0);
    const encoded = encodeAggregate(group.tags, statistics);
    return { value: pick(statistics, this.#aggregation), timeUs, aggregate: encoded };
  }

  #placeOf(identity: SeriesIdentity): Pick<Group, "tags"> & { readonly key: string } {
    const tags = this.#by.map((tag) => [tag, valueForFilter(identity, tag)] as const);
    return { tags, key: [identity.metric, ...tags.map(([, value]) => value)].join("\0") };
  }
}
