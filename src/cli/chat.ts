/** What commands of a session do, on a terminal and through a pipe. */
import pc from "picocolors";
import type { Connection } from "../client/connection.ts";
import { getIssue } from "../client/issues.ts";
import type { SessionMember } from "../client/join-session.ts";
import type { SessionMembers } from "../client/session-members.ts";
import type { Member } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { ago, oneLine, painted } from "./alert-text.ts";
import { chatHelp, type ChatCommand } from "./chat-command.ts";
import { findAlerts } from "./find-alerts.ts";
import { statusText } from "./issue-text.ts";
import { paintedName, shownName } from "./session-line.ts";
import { printable } from "./watch-table.ts";

export interface ChatSetup {
  readonly connection: Connection;
  readonly member: SessionMember;
  readonly members: SessionMembers;
  /** For titles. */
  readonly sessionId: string;
  readonly signal: AbortSignal;
}

/**
 * Does it, but for quit; resolves when it is kept, with lines for whoever typed it: what others see of it comes as a message.
 * Throws what it is refused with.
 */
export async function carryOut(command: ChatCommand, setup: ChatSetup): Promise<readonly string[]> {
  const { connection, member, members, signal } = setup;
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
    case "annotate":
      await annotate(command, setup);
      return [];
    case "who":
      return members.all.map((one) => memberLine(one, member.userId, Date.now()));
    case "help":
      return chatHelp();
    case "quit":
      return [];
  }
}

export function issueWords(issue: Issue): string {
  const { number, title, priority, assignee } = issue;
  const who = assignee === "" ? "" : `, ${shownName(assignee)}`;
  return `issue ${number} ‘${oneLine(title)}’ (${painted(priority, printable(priority))}, ${statusText(issue)}${who})`;
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
