/** What a backtest says, in words. Pure. */
import type { RuleEpisode, TestRuleResponse } from "../../../../wire/gen/rules_pb.ts";
import type { PlotEpisode, PlotRange, Severity } from "../../../charts/plot-model.ts";
import { countOf, countText, durationText, msOf } from "../../../format.ts";

/** "would have fired 3 times, the longest for 12 min, of 2 devices". */
export function backtestWords({ episodes, more }: TestRuleResponse, { toMs }: PlotRange): string {
  if (episodes.length === 0) return "would not have fired";
  const count = more ? `more than ${countText(episodes.length)}` : countText(episodes.length);
  const times = episodes.length === 1 && !more ? "once" : `${count} times`;
  const longest = Math.max(...episodes.map((episode) => lastedMs(episode, toMs)));
  const things = thingsOf(episodes);
  const fires = episodes.filter(({ clearedAt }) => clearedAt === undefined).length;
  return [
    `would have fired ${times}`,
    `${episodes.length === 1 ? "for" : "the longest for"} ${durationText(longest)}`,
    ...(things === "" ? [] : [`of ${things}`]),
    ...(fires === 0 ? [] : [`${fires === episodes.length && fires > 1 ? "all" : countText(fires)} still at the end`]),
  ].join(", ");
}

/** What it was tested with: "5 series, 8,640 points". */
export function testedWords(
  { series, points, devices, deviceChanges }: TestRuleResponse,
  isOfDevices: boolean,
): string {
  if (isOfDevices) {
    return `${countOf(Number(devices), "device")}, ${countOf(Number(deviceChanges), "change")} of their status`;
  }
  return `${countText(series)} series, ${countOf(Number(points), "point")}`;
}

/** "12 notifications: 8 to ops, 4 to on-call"; "" where nobody would be told of anything. */
export function toldWords({ notificationsTotal, notificationsByReceiver, escalationsTotal }: TestRuleResponse): string {
  if (notificationsTotal === 0n && escalationsTotal === 0n) return "";
  const receivers = Object.entries(notificationsByReceiver).sort(([, a], [, b]) => Number(b - a));
  const each = receivers.map(([name, count]) => `${countText(count)} to ${name}`).join(", ");
  const steps = `; ${countOf(Number(escalationsTotal), "step")} of escalation`;
  return `${countOf(Number(notificationsTotal), "notification")}${each === "" ? "" : `: ${each}`}${escalationsTotal === 0n ? "" : steps}`;
}

export function lastedMs({ firedAt, clearedAt }: RuleEpisode, endMs: number): number {
  return Math.max(0, (msOf(clearedAt) ?? endMs) - (msOf(firedAt) ?? endMs));
}

export function plotEpisodes(episodes: readonly RuleEpisode[]): PlotEpisode[] {
  return episodes.map(({ firedAt, clearedAt, severityMax, title }) => {
    const toMs = msOf(clearedAt);
    const severity = severityMax as Severity;
    return { fromMs: msOf(firedAt) ?? 0, ...(toMs !== undefined && { toMs }), severity, title };
  });
}

/** "2 devices", or "3 groups": different ones that fired; "" where it is one, or they have no names. */
function thingsOf(episodes: readonly RuleEpisode[]): string {
  const devices = new Set(episodes.map(({ labels }) => labels["device"] ?? ""));
  if (!devices.has("")) return devices.size === 1 ? "one device" : `${countText(devices.size)} devices`;
  const groups = new Set(episodes.map(({ labels }) => JSON.stringify(Object.entries(labels).sort())));
  return groups.size < 2 ? "" : `${countText(groups.size)} series or groups`;
}
