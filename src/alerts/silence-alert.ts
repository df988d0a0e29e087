/**
 * A silence that is about to end while alerts fire that it holds back: an alert says so, which goes the way of all alerts.
 * Whoever made the silence can extend it, before everybody is told.
 */
import { formatDurationMs } from "../model/duration.ts";
import { messageOf, truncated } from "../model/errors.ts";
import { matchersText } from "./notify/label-matcher.ts";
import type { NotifyEvent } from "./notify/notify-event.ts";
import type { PublishedAlerts } from "./published-alerts.ts";

type SilenceEnding = Extract<NotifyEvent, { kind: "silenceEnding" }>;
type SilenceEnded = Extract<NotifyEvent, { kind: "silenceEnded" }>;

const RULE = "silence-ending";
const ID_SHOWN_LENGTH = 8;
const TEXT_SHOWN_LENGTH_MAX = 100;

/** It is over when the silence is. */
export function silenceEnds(
  published: PublishedAlerts,
  event: SilenceEnding,
  onTrouble: (sentence: string) => void,
): void {
  const { silence, inMs } = event;
  const description = silence.comment;
  const says = { ...descriptionOf(silence.id), title: silenceNotice(event), description };
  try {
    published.publish(RULE, "low", says, Math.max(1, inMs), false, "");
  } catch (error) {
    onTrouble(`${silenceNotice(event)}, and no alert says so: ${messageOf(error)}`);
  }
}

/** It is extended, or ended by hand. */
export function silenceIsOther(published: PublishedAlerts, id: string): void {
  published.publish(RULE, "low", descriptionOf(id), 0, true, "");
}

/** What is said of it: "the silence 5e1f21ab of ann ends in 15m, and holds back 2 alerts: {device="pump-1"}". */
export function silenceNotice(event: SilenceEnding | SilenceEnded): string {
  const { id, author, matchers } = event.silence;
  const of = author === "" ? "" : ` of ${truncated(author, TEXT_SHOWN_LENGTH_MAX)}`;
  const { length } = event.alertIds;
  const count = length === 0 ? "no" : length.toLocaleString("en-US");
  const alerts = `${count} ${length > 1 ? "alerts" : "alert"}`;
  const what = event.kind === "silenceEnding" ? endingText(event.inMs, alerts) : `has ended, and held back ${alerts}`;
  return `the silence ${id.slice(0, ID_SHOWN_LENGTH)}${of} ${what}: ${truncated(matchersText(matchers), TEXT_SHOWN_LENGTH_MAX)}`;
}

function endingText(inMs: number, alerts: string): string {
  return `ends in ${formatDurationMs(Math.round(inMs / 1_000) * 1_000)}, and holds back ${alerts}`;
}

function descriptionOf(id: string) {
  const labels = { silence: id };
  return { labels, metric: "", source: "", device: "", title: "", description: "", runbook: "", value: NaN };
}
