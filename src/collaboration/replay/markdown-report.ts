/** A session as a report for people: who, when, what happened in order, and what came of it. */
import { AlertChange, type Alert } from "../../wire/gen/alerts_pb.ts";
import { IssueStatus } from "../../wire/gen/issues_pb.ts";
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";
import type { ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { formatDurationMs } from "../../model/duration.ts";
import { parseSeriesKey } from "../../model/series-key.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { plain, plainLines } from "./plain-markdown.ts";
import type { Recording } from "./recording.ts";
import { timelineOf } from "./timeline.ts";

/** People and alerts that are told of; what is said of more is left out. */
const NAMES_MAX = 1_000;

interface ToldAlert {
  alert: Alert;
  readonly firedMs: number;
}

interface Summary {
  count: number;
  min: number;
  max: number;
  sum: number;
}

/** Line by line. Points are those known now. */
export async function* markdownReport(recording: Recording): AsyncGenerator<string> {
  const { session, range, missing } = recording;
  const people = await peopleIn(recording);
  yield `# ${plain(session.title || `Session ${session.id}`)}\n\n`;
  yield `- Session: ${plain(session.id)}\n`;
  yield `- From ${isoOf(range.fromUs / 1_000)} to ${isoOf(range.toUs / 1_000)} (${lengthOf((range.toUs - range.fromUs) / 1_000)})\n`;
  yield `- Who: ${[...people].map(([id, name]) => plain(name === "" || name === id ? id : `${name} (${id})`)).join(", ") || "nobody"}\n`;

  yield "\n## What happened\n\n";
  const alerts = new Map<string, ToldAlert>();
  const nothing = (async function* () {})();
  const sources = { points: nothing, alerts: recording.alerts(range), messages: recording.messages(range) };
  let isEmpty = true;
  for await (const happening of timelineOf(sources, 0)) {
    isEmpty = false;
    if (happening.kind === "message") yield messageLine(happening.atMs, happening.message);
    if (happening.kind !== "alert") continue;
    yield alertLine(happening.atMs, happening.alert);
    if (happening.alert.alert !== undefined) note(alerts, happening.alert.alert);
  }
  if (isEmpty) yield "Nothing.\n";

  yield* section("Alerts", alertRows(alerts, range.toUs / 1_000));
  yield* section("Silences", await silenceLines(recording));
  yield* section("Issues", await issueLines(recording));
  yield* section("Annotations", await annotationLines(recording));
  yield* section("Metrics", await metricRows(recording));
  yield* section(
    "Left out",
    [...missing].map((sentence) => `- ${plain(sentence)}\n`),
  );
}

function* section(title: string, lines: readonly string[]): Generator<string, void> {
  if (lines.length === 0) return;
  yield `\n## ${title}\n\n`;
  yield* lines;
}

/** Who wrote, by id, and how they call themselves. */
async function peopleIn(recording: Recording): Promise<Map<string, string>> {
  const people = new Map<string, string>();
  for await (const { what } of recording.messages(recording.range)) {
    if (what.userId === "" || people.size >= NAMES_MAX) continue;
    if (what.userName !== "" || !people.has(what.userId)) people.set(what.userId, what.userName);
  }
  return people;
}

function messageLine(
  atMs: number,
  { userId, userName, messageType, message, sealed, number }: CollaborationMessage,
): string {
  const who = plain(userName || userId) || "server";
  if (sealed !== undefined) return `- ${isoOf(atMs)} **${who}**: (encrypted message ${number})\n`;
  const type = messageType === "chat" ? "" : ` (${plain(messageType)})`;
  return `- ${isoOf(atMs)} **${who}**${type}: ${plainLines(message, "  ") || "…"}\n`;
}

function alertLine(atMs: number, { alert, userId, text }: ReplayAlert): string {
  if (alert === undefined) return "";
  const by = userId === "" ? "" : ` by ${plain(userId)}`;
  const said = text.trim() === "" ? "" : `: ${plainLines(text, "  ")}`;
  const change = CHANGE_WORDS[alert.change] ?? "changed";
  return `- ${isoOf(atMs)} Alert *${plain(alert.title) || "untitled"}* (${plain(alert.severity)}) ${change}${by}${said}\n`;
}

const CHANGE_WORDS: Readonly<Record<AlertChange, string>> = {
  [AlertChange.UNSPECIFIED]: "changed",
  [AlertChange.SNAPSHOT]: "was active",
  [AlertChange.FIRED]: "fired",
  [AlertChange.SEVERITY_ROSE]: "rose",
  [AlertChange.SEVERITY_FELL]: "fell",
  [AlertChange.CLEARED]: "cleared",
  [AlertChange.ACKNOWLEDGED]: "was acknowledged",
  [AlertChange.ASSIGNED]: "was assigned",
  [AlertChange.COMMENTED]: "was commented",
  [AlertChange.STALE]: "fell silent",
  [AlertChange.HEARD]: "was heard again",
  [AlertChange.UPDATED]: "was updated",
  [AlertChange.LATE]: "was found in late points",
  [AlertChange.MOVED]: "moved",
};

function note(alerts: Map<string, ToldAlert>, alert: Alert): void {
  const known = alerts.get(alert.id);
  if (known !== undefined) known.alert = alert;
  else if (alerts.size < NAMES_MAX) {
    alerts.set(alert.id, { alert, firedMs: alert.createdAt === undefined ? NaN : msOfTimestamp(alert.createdAt) });
  }
}

function alertRows(alerts: ReadonlyMap<string, ToldAlert>, endMs: number): string[] {
  if (alerts.size === 0) return [];
  const rows = [...alerts.values()].map(({ alert, firedMs }) => {
    const clearedMs = alert.clearedAt === undefined ? undefined : msOfTimestamp(alert.clearedAt);
    const lasted = clearedMs === undefined ? `${lengthOf(endMs - firedMs)}, goes on` : lengthOf(clearedMs - firedMs);
    const acknowledged = alert.acknowledged ? plain(alert.acknowledgedBy) || "yes" : "";
    const cells = [
      plain(alert.title),
      plain(alert.severityMax || alert.severity),
      isoOf(firedMs),
      lasted,
      acknowledged,
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return ["| alert | severity | fired | lasted | acknowledged by |\n| --- | --- | --- | --- | --- |\n", ...rows];
}

async function silenceLines(recording: Recording): Promise<string[]> {
  return (await recording.silences()).map(({ startsAt, endsAt, matchers, author, comment }) => {
    const times = [startsAt, endsAt].map((time) => (time === undefined ? "?" : isoOf(msOfTimestamp(time))));
    const what = matchers.map(plain).join(", ") || "all alerts";
    const said = comment.trim() === "" ? "" : `: ${plainLines(comment, "  ")}`;
    return `- ${times.join(" to ")} ${what} **${plain(author)}**${said}\n`;
  });
}

async function issueLines(recording: Recording): Promise<string[]> {
  return (await recording.issues()).map(({ number, title, status, priority, assignee }) => {
    const state = (IssueStatus[status] ?? "").toLowerCase().replaceAll("_", " ");
    const more = [state, priority, assignee && `assigned to ${assignee}`].filter((word) => word !== "");
    return `- ${plain(`#${number} ${title}`)} (${more.map(plain).join(", ")})\n`;
  });
}

async function annotationLines(recording: Recording): Promise<string[]> {
  const shown = (await recording.annotations()).filter(({ removed }) => !removed);
  return shown.map(({ from, to, pin, text, author }) => {
    const times = [from, to].flatMap((time) => (time === undefined ? [] : [isoOf(msOfTimestamp(time))]));
    const about = [pin?.metric, pin?.source, pin?.device, pin?.alertId]
      .filter((name) => name)
      .map((name) => plain(name!));
    return `- ${times.join(" to ")} ${about.join(", ")} **${plain(author)}**: ${plainLines(text, "  ")}\n`;
  });
}

async function metricRows(recording: Recording): Promise<string[]> {
  const summaries = new Map<number, Summary>();
  let hasBegun = false;
  for await (const { slots, values } of recording.points("as_known_now", recording.range)) {
    // What stands at the beginning is of before.
    for (let i = 0; hasBegun && i < slots.length; i++) {
      const summary = summaries.get(slots[i]) ?? { count: 0, min: Infinity, max: -Infinity, sum: 0 };
      summaries.set(slots[i], summary);
      summary.count++;
      summary.min = Math.min(summary.min, values[i]);
      summary.max = Math.max(summary.max, values[i]);
      summary.sum += values[i];
    }
    hasBegun = true;
  }
  if (summaries.size === 0) return [];
  const rows = [...summaries].map(([slot, { count, min, max, sum }]) => {
    const { metric, source, tags } = parseSeriesKey(recording.seriesKeys[slot]);
    const name = [metric, source, ...tags.map(([tag, value]) => `${tag}=${value}`)].map(plain).join(" ");
    return `| ${name} | ${count} | ${numberOf(min)} | ${numberOf(sum / count)} | ${numberOf(max)} |\n`;
  });
  return ["| series | points | min | avg | max |\n| --- | --: | --: | --: | --: |\n", ...rows.sort()];
}

function isoOf(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().replace(/\.\d+Z$/, "Z");
}

function lengthOf(ms: number): string {
  return Number.isFinite(ms) ? formatDurationMs(Math.max(0, Math.round(ms / 1_000) * 1_000)) : "?";
}

function numberOf(value: number): string {
  return String(Number(value.toPrecision(6)));
}
