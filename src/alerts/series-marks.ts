/** Series as they are written down with what was evaluated of them: by ids, or, where several nodes read it, by names. */
import { parseSeriesKey, seriesKey, sourceOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { InstancePlace } from "./evaluated-rule.ts";

export type SeriesMark = number | string;

export interface SeriesMarks {
  written(seriesId: number): SeriesMark;
  /** Inverse of {@link written}; undefined for what names no series here. */
  read(mark: SeriesMark): number | undefined;
}

/** Of one node, whose ids stay what they are. */
export const OWN_MARKS: SeriesMarks = {
  written: (seriesId) => seriesId,
  read: (mark) => Number(mark),
};

/** Of several nodes: each has ids of its own. A series that this node has not heard of yet is known from then on. */
export function sharedMarks(registry: Pick<SeriesRegistry, "keyOf" | "idOf" | "add">): SeriesMarks {
  return {
    written(seriesId) {
      const { metric, source, tags } = parseSeriesKey(registry.keyOf(seriesId));
      return JSON.stringify([metric, source, ...tags.flat()]);
    },
    read(mark) {
      const [metric, source, ...rest] = partsOf(mark);
      if (metric === undefined || source === undefined) return undefined;
      const tags = rest.flatMap((key, i) => (i % 2 === 0 ? [[key, rest[i + 1] ?? ""] as const] : []));
      const key = seriesKey(metric, source, tags);
      const id = registry.idOf(key) ?? registry.add(key, sourceOfKey(key));
      return typeof id === "number" ? id : undefined;
    },
  };
}

/** The place of an instance as it is written down. */
export function keyOfPlace(place: InstancePlace, marks: SeriesMarks): string {
  if (place === 0) return "";
  return typeof place === "number" ? String(marks.written(place)) : place;
}

/** Inverse of {@link keyOfPlace} for what is no group; 0: no series. */
export function seriesOfKey(key: string, marks: SeriesMarks): number | undefined {
  return key === "" ? 0 : marks.read(key);
}

function partsOf(mark: SeriesMark): string[] {
  if (typeof mark !== "string" || !mark.startsWith("[")) return [];
  try {
    const parts: unknown = JSON.parse(mark);
    return Array.isArray(parts) && parts.every((part) => typeof part === "string") ? parts : [];
  } catch {
    return [];
  }
}
