export interface NamedSeries {
  readonly name: string;
  readonly device: string;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * For each series the tags in which it differs from others of its name and device, as few as tell them apart:
 * "port=2,unit=C". "" where there is no other.
 */
export function tellApart(series: readonly NamedSeries[]): string[] {
  const labels = series.map(() => "");
  const alike = Map.groupBy(series.keys(), (at) => `${series[at].name}\0${series[at].device}`);
  for (const places of alike.values()) {
    if (places.length === 1) continue;
    const keys = keysThatTell(places.map((at) => series[at].tags));
    for (const at of places) labels[at] = labelOf(series[at].tags, keys);
  }
  return labels;
}

function keysThatTell(all: readonly NamedSeries["tags"][]): string[] {
  const values = new Map<string, Set<string>>();
  for (const tags of all) {
    for (const [key, value] of Object.entries(tags)) {
      if (key === "device") continue;
      const known = values.get(key);
      if (known === undefined) values.set(key, new Set([value]));
      else known.add(value);
    }
  }
  const keys = [...values.keys()].sort((a, b) => values.get(b)!.size - values.get(a)!.size || (a < b ? -1 : 1));
  let chosen: string[] = [];
  let told = 1;
  for (const key of keys) {
    const more = [...chosen, key];
    const count = new Set(all.map((tags) => labelOf(tags, more))).size;
    if (count === told) continue;
    chosen = more;
    told = count;
    if (told === all.length) break;
  }
  return chosen.sort();
}

function labelOf(tags: NamedSeries["tags"], keys: readonly string[]): string {
  const given = keys.filter((key) => tags[key] !== undefined);
  return given.map((key) => `${key}=${tags[key]}`).join(",");
}
