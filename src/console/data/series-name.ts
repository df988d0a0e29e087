/** How a series is told apart from others, and what it is called on a chart. */
import type { SeriesName } from "./series-book.ts";

interface Named {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
  readonly unit: string;
}

export function seriesNameOf({ metric, source, tags, device, unit }: Named): SeriesName {
  const others = Object.entries(tags).sort();
  return {
    key: JSON.stringify([metric, source, others]),
    label: labelOf(metric, device || source, others),
    ...{ metric, source, tags, device, unit },
  };
}

/** Of a group of series without keys it is the metric. */
function labelOf(metric: string, who: string, tags: readonly (readonly [name: string, value: string])[]): string {
  const others = tags.filter(([name, value]) => name !== "device" && value !== who);
  return [who, ...others.map(([name, value]) => `${name}=${value}`)].filter((text) => text !== "").join(" ") || metric;
}
