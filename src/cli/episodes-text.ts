/** What rules would have done, as text: pure. */
import { toJson } from "@bufbuild/protobuf";
import pc from "picocolors";
import { formatDurationMs } from "../model/duration.ts";
import { RuleEpisodeSchema, type RuleEpisode, type TestRuleResponse } from "../wire/gen/rules_pb.ts";
import { msOf, painted, secondOf } from "./alert-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const DAY_MS = 86_400_000;

/** Of one rule, or of several together. */
export interface Verdict {
  readonly alerts: number;
  readonly firingMs: number;
  readonly longestMs: number;
  /** There were more alerts than could be looked at. */
  readonly isCut: boolean;
}

export const NO_VERDICT: Verdict = { alerts: 0, firingMs: 0, longestMs: 0, isCut: false };

/** `toMs`: the end of the range, up to which what still fires has lasted. */
export function verdictOf({ episodes, more }: TestRuleResponse, toMs: number): Verdict {
  const lasted = episodes.map((episode) => lastedMs(episode, toMs));
  const firingMs = lasted.reduce((sum, ms) => sum + ms, 0);
  return { alerts: episodes.length, firingMs, longestMs: lasted.reduce((a, b) => Math.max(a, b), 0), isCut: more };
}

export function bothOf(a: Verdict, b: Verdict): Verdict {
  return {
    alerts: a.alerts + b.alerts,
    firingMs: a.firingMs + b.firingMs,
    longestMs: Math.max(a.longestMs, b.longestMs),
    isCut: a.isCut || b.isCut,
  };
}

/** "3 alerts, 20m firing, the longest for 12m". */
export function verdictWords({ alerts, firingMs, longestMs, isCut }: Verdict): string {
  const count = alerts.toLocaleString("en-US");
  const what = isCut
    ? `more than ${count} alerts`
    : alerts === 0
      ? "no alert"
      : alerts === 1
        ? "1 alert"
        : `${count} alerts`;
  if (alerts === 0) return what;
  const firing = `${isCut ? "more than " : ""}${spanText(firingMs)} firing`;
  return [what, firing, ...(alerts === 1 ? [] : [`the longest for ${spanText(longestMs)}`])].join(", ");
}

/**
 * A line for titles and one an episode, in the order given; "" for none. `hasReceivers`: somebody may have been told of it, and
 * how long after it fired.
 */
export function episodesTable(episodes: readonly RuleEpisode[], toMs: number, hasReceivers: boolean): string {
  const told = { title: "TOLD", right: true, cell: toldWords };
  const table = textTable(
    [
      { title: "FIRED", cell: ({ firedAt }: RuleEpisode) => secondOf(firedAt) },
      { title: "LASTED", right: true, cell: (episode) => spanText(lastedMs(episode, toMs)) },
      { title: "CLEARED", cell: clearedWords },
      // The gravest it was: in the order in which it is looked at, that is what counts.
      { title: "SEVERITY", cell: ({ severityMax }) => painted(severityMax, printable(severityMax)) },
      ...(hasReceivers ? [told] : []),
      { title: "ALERT", cell: ({ title }) => printable(title) },
    ],
    episodes,
  );
  return table.replace(/^.*/, (titles) => pc.bold(titles));
}

/** A line: the message as JSON, with the name of its rule. */
export function episodeJson(rule: string, episode: RuleEpisode): string {
  return `${JSON.stringify({ rule, kind: "alert", ...(toJson(RuleEpisodeSchema, episode) as object) })}\n`;
}

function clearedWords({ clearedAt, clearedReason }: RuleEpisode): string {
  return clearedAt === undefined ? "still firing" : printable(clearedReason.replaceAll("_", " "));
}

function toldWords({ firedAt, toldAt }: RuleEpisode): string {
  return toldAt === undefined ? "-" : spanText(msOf(toldAt) - msOf(firedAt));
}

/** To the second, of more than a day to the minute. */
function spanText(spanMs: number): string {
  const unitMs = spanMs < DAY_MS ? 1_000 : 60_000;
  return formatDurationMs(Math.round(spanMs / unitMs) * unitMs);
}

function lastedMs({ firedAt, clearedAt }: RuleEpisode, toMs: number): number {
  return (clearedAt === undefined ? toMs : msOf(clearedAt)) - msOf(firedAt);
}
