/** What commands of a session do, on a terminal and through a pipe. */
import pc from "picocolors";
import { allAlerts } from "../client/alerts.ts";
import type { Connection } from "../client/connection.ts";
import { allIssues, getIssue } from "../client/issues.ts";
import type { SessionMember } from "../client/join-session.ts";
import type { SessionMembers } from "../client/session-members.ts";
import { CHAT_COMMANDS, type ChatCommand } from "../model/chat-command.ts";
import { AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import type { Member } from "../wire/gen/collaboration_pb.ts";
import { IssueStatus, type Issue } from "../wire/gen/issues_pb.ts";
import { acknowledgerOf, ago, gravestFirst, oneLine, painted, shortIds, titleOf } from "./alert-text.ts";
import { findAlerts } from "./find-alerts.ts";
import { pad, widest } from "./fit-text.ts";
import { statusText } from "./issue-text.ts";
import { paintedName, shownName } from "./session-line.ts";
import { printable } from "./watch-table.ts";

export interface ChatSetup {
  readonly connection: Connection;
  readonly member: SessionMember;
  readonly members: SessionMembers;
  readonly sessionId: string;
  readonly isEncrypted: boolean;
  readonly signal: AbortSignal;
}

const SHOWN_MAX = 20;

/**
 * Does it, but for quit; resolves when it is kept, with lines for whoever typed it: what others see of it comes as a message.
 * Throws what it is refused with.
 */
export async function carryOut(command: ChatCommand, setup: ChatSetup): Promise<readonly string[]> {
  const { connection, member, members, sessionId, signal } = setup;
  switch (command.kind) {
    case "say":
      await member.send({ messageType: "chat", message: command.text });
      return [];
    case "action":
    case "issue":
      await member.send({ messageType: command.kind, message: command.text, metadata: { ...command.metadata } });
      return [];
    case "show-issue":
      return issueLines(await getIssue(connection, command.number, { signal }));
    case "alerts":
      return alertLines(await Array.fromAsync(allAlerts(connection, { state: AlertState.ACTIVE }, { signal })));
    case "issues": {
      const filter = { sessionId, statuses: [IssueStatus.OPEN, IssueStatus.IN_PROGRESS] };
      const issues = await Array.fromAsync(allIssues(connection, filter, { signal, limitMax: SHOWN_MAX }));
      return issues.length === 0 ? ["no issue of this session is open"] : issues.map(issueWords);
    }
    case "annotate":
      await annotate(command, setup);
      return [];
    case "who":
      return members.all.map((one) => memberLine(one, member.userId, Date.now()));
    case "help":
      return helpLines();
    case "quit":
      return [];
  }
}

export function issueWords(issue: Issue): string {
  const { number, title, priority, assignee } = issue;
  const who = assignee === "" ? "" : `, ${shownName(assignee)}`;
  return `issue ${number} ‘${oneLine(title)}’ (${painted(priority, printable(priority))}, ${statusText(issue)}${who})`;
}

function alertLines(active: readonly Alert[]): string[] {
  if (active.length === 0) return ["no alert is active"];
  const ids = shortIds(active.map(({ id }) => id));
  const lines = active
    .toSorted(gravestFirst)
    .slice(0, SHOWN_MAX)
    .map((alert) => {
      const severity = painted(alert.severity, printable(alert.severity).padEnd(8));
      const by = alert.acknowledged ? pc.dim(`  acknowledged by ${acknowledgerOf(alert)}`) : "";
      return `  ${printable(ids.get(alert.id)!)}  ${severity}  ${titleOf(alert)}${by}`;
    });
  return active.length <= SHOWN_MAX ? lines : [...lines, `  and ${active.length - SHOWN_MAX} more`];
}

function issueLines(issue: Issue): string[] {
  const text = issue.description.trim() === "" ? [] : [oneLine(issue.description)];
  return [
    issueWords(issue),
    ...[...text, ...issue.comments.map((each) => `${shownName(each.userId)}: ${oneLine(each.text)}`)].map(
      (line) => `  ${line}`,
    ),
  ];
}

/** A line for each command. */
function helpLines(): string[] {
  const width = widest(CHAT_COMMANDS.map(({ usage }) => usage));
  return CHAT_COMMANDS.map(({ usage, what }) => `  ${pad(usage, width)}  ${what}`);
}

/** Over the time up to now; at this moment where that is none. */
async function annotate(
  { about, lastMs, text }: Extract<ChatCommand, { kind: "annotate" }>,
  { connection, member, signal }: ChatSetup,
): Promise<void> {
  const { alert, ...pin } = about;
  const [found] = alert === undefined ? [] : await findAlerts(connection, [alert], { signal });
  const nowMs = Date.now();
  const metadata = {
    ...pin,
    ...(found === undefined ? {} : { alert_id: found.id }),
    ...(lastMs === 0 ? {} : { from: String(Math.round(nowMs - lastMs)), to: String(nowMs) }),
  };
  await member.send({ messageType: "annotation", message: text, metadata });
}

function memberLine({ userId, userName, joinedAt, streams, lookingAt }: Member, ownId: string, nowMs: number): string {
  const name = userName === "" || userName === userId ? "" : ` (${shownName(userName)})`;
  const looks = Object.entries(lookingAt).map(([key, value]) => `${printable(key)}=${printable(value)}`);
  const more = [
    joinedAt === undefined ? "" : `came ${ago(joinedAt, nowMs)}`,
    streams === 0 ? "not connected at the moment" : "",
    looks.length === 0 ? "" : `looks at ${looks.join(" ")}`,
  ].filter((part) => part !== "");
  return `  ${paintedName(userId, ownId)}${name}${pc.dim(more.length === 0 ? "" : `  ${more.join(", ")}`)}`;
}
