/**
 * What names a series: metric name, source and sorted tags. The canonical key is one string of these, parts
 * separated by NUL, which none of them may contain: metric, source, then key and value of every tag in order of key.
 */
export interface SeriesIdentity {
  readonly metric: string;
  readonly source: string;
  /** Sorted by key (UTF-16 code units), keys distinct. */
  readonly tags: readonly (readonly [key: string, value: string])[];
}

const SEPARATOR = "\0";

/** The canonical key. `tags` in any order; of a repeated key the last counts. */
export function seriesKey(metric: string, source: string, tags: Iterable<readonly [string, string]>): string {
  const last = new Map<string, string>();
  for (const [key, value] of tags) last.set(key, value);
  let out = metric + SEPARATOR + source;
  for (const key of [...last.keys()].sort()) out += SEPARATOR + key + SEPARATOR + last.get(key);
  return out;
}

/** Inverse of {@link seriesKey}. */
export function parseSeriesKey(key: string): SeriesIdentity {
  const parts = key.split(SEPARATOR);
  const tags: [string, string][] = [];
  for (let i = 2; i + 1 < parts.length; i += 2) tags.push([parts[i]!, parts[i + 1]!]);
  return { metric: parts[0]!, source: parts[1] ?? "", tags };
}

/** The metric's part of a canonical key, without parsing the rest. */
export function metricOfKey(key: string): string {
  return key.slice(0, key.indexOf(SEPARATOR));
}

/** The tag `device` if present, otherwise the source. */
export function deviceOf(identity: SeriesIdentity): string {
  return tagOf(identity, "device") ?? identity.source;
}

export function tagOf(identity: SeriesIdentity, key: string): string | undefined {
  return identity.tags.find(([k]) => k === key)?.[1];
}

/** The source's part of a canonical key. */
export function sourceOfKey(key: string): string {
  const from = key.indexOf(SEPARATOR) + 1;
  const to = key.indexOf(SEPARATOR, from);
  return to < 0 ? key.slice(from) : key.slice(from, to);
}

/** The device of a canonical key: its tag `device` if present, otherwise its source. */
export function deviceOfKey(key: string): string {
  return tagOfKey(key, "device") ?? sourceOfKey(key);
}

/** A tag's value out of a canonical key, without parsing the rest. */
export function tagOfKey(key: string, tag: string): string | undefined {
  let at = key.indexOf(SEPARATOR, key.indexOf(SEPARATOR) + 1);
  while (at >= 0) {
    const tagEnd = key.indexOf(SEPARATOR, at + 1);
    const valueEnd = key.indexOf(SEPARATOR, tagEnd + 1);
    if (tagEnd - at - 1 === tag.length && key.startsWith(tag, at + 1)) {
      return valueEnd < 0 ? key.slice(tagEnd + 1) : key.slice(tagEnd + 1, valueEnd);
    }
    at = valueEnd;
  }
  return undefined;
}
