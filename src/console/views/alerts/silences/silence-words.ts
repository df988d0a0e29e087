/** Silences as a list shows them. Pure. */
import { scopeOf, scopeText } from "../../../../model/access.ts";
import { formatDurationMs } from "../../../../model/duration.ts";
import { SilenceState, type Silence } from "../../../../wire/gen/alerts_pb.ts";
import { silencedLabels, type AlertRow } from "../../../data/alert-row.ts";
import { testOfSilence } from "../../../data/silence-test.ts";
import { msOf } from "../../../format.ts";

/** Of the server's clock a moment ago: one that has ended since is over. */
export function stateOf({ state, startsAt, endsAt }: Silence, nowMs: number): "active" | "upcoming" | "over" {
  if (state === SilenceState.EXPIRED || (msOf(endsAt) ?? Infinity) <= nowMs) return "over";
  return (msOf(startsAt) ?? 0) > nowMs ? "upcoming" : "active";
}

/** "of sites berlin alone"; "": of everything. */
export function scopeWords({ scope }: Pick<Silence, "scope">): string {
  return scope === undefined ? "" : `of ${scopeText(scopeOf(scope))} alone`;
}

/** "1h5m left", "begins in 5m, for 2h", "over for 3d". */
export function timeWords(silence: Silence, nowMs: number): string {
  const [fromMs, toMs] = [msOf(silence.startsAt) ?? nowMs, msOf(silence.endsAt) ?? nowMs];
  switch (stateOf(silence, nowMs)) {
    case "active":
      return `${spanText(toMs - nowMs)} left`;
    case "upcoming":
      return `begins in ${spanText(fromMs - nowMs)}, for ${spanText(toMs - fromMs)}`;
    case "over":
      return `over for ${spanText(nowMs - toMs)}`;
  }
}

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** As exact as a person wants it: "45s", "1h30m", "2d4h". What is begun counts. */
export function spanText(spanMs: number): string {
  const unitMs = spanMs < 2 * MINUTE_MS ? 1_000 : spanMs < DAY_MS ? MINUTE_MS : HOUR_MS;
  return formatDurationMs(Math.ceil(Math.max(0, spanMs) / unitMs) * unitMs);
}

/** The one that ends first, first; of those that are over the one that ended last. */
export function inOrder(silences: readonly Silence[], nowMs: number): Silence[] {
  const ends = ({ endsAt }: Silence) => msOf(endsAt) ?? 0;
  const rank = (silence: Silence) => ["active", "upcoming", "over"].indexOf(stateOf(silence, nowMs));
  return silences.toSorted((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? ends(b) - ends(a) : ends(a) - ends(b)));
}

/** Whether all words are in what is said of it. */
export function isFound({ matchers, author, comment, id }: Silence, text: string): boolean {
  const haystack = [...matchers, author, comment, id].join("\n").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}

type Held = Pick<Silence, "matchers"> & Partial<Silence>;

/** How many alerts it takes of those that fire; undefined: only the server can tell. */
export function heldBy(silence: Held, active: readonly AlertRow[]): number | undefined {
  const takes = testOfSilence(silence);
  let count = 0;
  for (const { alert, site } of active) {
    const answer = takes(alert, site);
    if (answer === undefined) return undefined;
    if (answer) count++;
  }
  return count;
}

const SUGGESTED_MAX = 30;

/** What could be typed as a matcher, by the labels of what fires: names, and behind an operator values. */
export function suggestedMatchers(typed: string, active: readonly Pick<AlertRow, "alert">[]) {
  const [, name, operator, begun] = /^\s*([^=!~]+)(=~|!~|!=|=)"?(.*?)"?$/s.exec(typed) ?? [];
  const counts = new Map<string, number>();
  for (const { alert } of active) {
    const labels = silencedLabels(alert);
    const found = name === undefined ? Object.keys(labels).map((key) => `${key}=`) : [labels[name.trim()] ?? ""];
    for (const each of found) counts.set(each, (counts.get(each) ?? 0) + 1);
  }
  const wanted = (name === undefined ? typed : begun).trim().toLowerCase();
  const written = (value: string) => (/[\s"=!~{},\\]/.test(value) ? JSON.stringify(value) : value);
  const items = [...counts]
    .filter(([text]) => text !== "" && text.toLowerCase().includes(wanted))
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([text, count]) => ({
      value: name === undefined ? text : `${name.trim()}${operator}${written(text)}`,
      detail: `${count} firing`,
    }));
  return { items: items.slice(0, SUGGESTED_MAX), more: Math.max(0, items.length - SUGGESTED_MAX) };
}
