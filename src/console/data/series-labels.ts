/** What several series are called beside each other. Pure. */
import { seriesNameOf } from "./series-name.ts";

export interface NamedSeries {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
  readonly unit: string;
}

/** As many labels, without tags that all of the series share, and with the metric where there are several. */
export function labelsOf(all: readonly NamedSeries[]): string[] {
  const isShared = (name: string) => all.length > 1 && all.every(({ tags }) => tags[name] === all[0].tags[name]);
  const isMixed = all.some(({ metric }) => metric !== all[0].metric);
  return all.map((series) => {
    const tags = Object.fromEntries(Object.entries(series.tags).filter(([name]) => !isShared(name)));
    const { label } = seriesNameOf({ ...series, tags });
    return isMixed && label !== series.metric ? `${series.metric} ${label}` : label;
  });
}
