/** Names of metrics and tags to choose from, asked of the server while one types: there may be hundreds of thousands. */
import { MatchOperator, SeriesOrder } from "../../wire/gen/history_pb.ts";
import { dashboardApi } from "../api.ts";
import { countOf, msOf } from "../format.ts";

interface Suggested {
  readonly items: readonly { readonly value: string; readonly detail: string }[];
  readonly more: number;
}

interface Options {
  readonly signal: AbortSignal;
}

type Filters = Readonly<Record<string, string>>;

const SHOWN = 50;

/** Names that have all typed words in them, anywhere and in any case; those that begin with what was typed first. */
export async function suggestMetrics(typed: string, filters: Filters, { signal }: Options): Promise<Suggested> {
  return suggestValues("metric", typed, { metric: "", filters }, { signal });
}

/** Keys that series of the metric can be filtered by. */
export async function suggestTagKeys(typed: string, metric: string, { signal }: Options): Promise<Suggested> {
  const { values } = await dashboardApi.listTagValues({ key: "", metric, limit: 1_000 }, { signal });
  const keys = new Map(["device", "source"].map((key) => [key, ""]));
  for (const { value, series } of values) keys.set(value, seriesText(series));
  const found = [...keys].filter(([key]) => key.toLowerCase().includes(typed.trim().toLowerCase()));
  return {
    items: found.slice(0, SHOWN).map(([value, detail]) => ({ value, detail })),
    more: Math.max(0, found.length - SHOWN),
  };
}

/** Values of a tag that have all typed words in them. */
export async function suggestValues(
  key: string,
  typed: string,
  { metric, filters }: { readonly metric: string; readonly filters: Filters },
  { signal }: Options,
): Promise<Suggested> {
  const words = typed
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
  // A value that is being changed does not narrow itself.
  const { [key]: _, ...others } = filters;
  const asked = { key, metric, filters: others, limit: SHOWN };
  const matchers = words.map((word) => {
    return { key, operator: MatchOperator.REGEX, value: `(?is).*${word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}.*` };
  });
  const [first, anywhere] = await Promise.all([
    words.length === 1 ? dashboardApi.listTagValues({ ...asked, prefix: words[0] }, { signal }) : undefined,
    dashboardApi.listTagValues({ ...asked, matchers }, { signal }),
  ]);
  const found = new Map<string, string>();
  for (const { value, series } of [...(first?.values ?? []), ...anywhere.values]) {
    if (found.size < SHOWN && !found.has(value)) found.set(value, seriesText(series));
  }
  const items = [...found].map(([value, detail]) => ({ value, detail }));
  return { items, more: Math.max(0, Number(anywhere.total) - items.length) };
}

/** Of when the latest point is of the series of a metric, exact or a glob, that pass the filters; undefined: there is none of these. */
export async function latestOf(metric: string, filters: Filters, { signal }: Options): Promise<number | undefined> {
  const { series } = await dashboardApi.listSeries(
    { metric, filters, order: SeriesOrder.LATEST, limit: 1 },
    { signal },
  );
  return msOf(series[0]?.lastSeen);
}

function seriesText(series: bigint): string {
  return countOf(Number(series), "series", "series");
}
