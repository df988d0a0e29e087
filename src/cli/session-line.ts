/** Messages of a session as text; what people wrote is shown without what steers a terminal. */
import pc from "picocolors";
import type { CollaborationMessage, Member } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { unreadableReason } from "../wire/message-cipher.ts";
import { msOf, oneLine, secondOf } from "./alert-text.ts";
import { aboutOf } from "./annotation-text.ts";
import { cut } from "./fit-text.ts";
import { printable } from "./watch-table.ts";

const NAME_WIDTH_MAX = 24;
const COMERS_SHOWN_MAX = 5;
const LINES_MAX = 60;
const LENGTH_MAX = 8_000;
/** Behind the time, of the lines of a message but its first one. */
const INDENT = " ".repeat(9);
const WIDTH_MIN = 10;
const PAINTS = [
  pc.cyan,
  pc.green,
  pc.yellow,
  pc.magenta,
  pc.blue,
  pc.cyanBright,
  pc.greenBright,
  pc.yellowBright,
  pc.magentaBright,
  pc.blueBright,
];

/** What a message says, and how it is told. */
interface Told {
  /** "" where nobody says it. */
  readonly who: string;
  /** said: `ann: text`; did: `ann opened issue 3`. */
  readonly how: "said" | "did" | "told";
  /** As it came. */
  readonly text: string;
}

/** In one line for pipes: when, its number, who, and what; columns are two spaces apart. */
export function plainLine(message: CollaborationMessage): string {
  const { who, text } = toldOf(message);
  return `${secondOf(message.timestamp)}  ${message.number}  ${shownName(who) || "-"}  ${oneLine(text)}\n`;
}

/** For a terminal of `columns`, in its colours: every line but the first stands in, so that none looks like another message. */
export function paintedLines(message: CollaborationMessage, userId: string, columns: number): string[] {
  const { who, how, text } = toldOf(message);
  const [first, ...more] = shownLines(text);
  const name = paintedName(who, userId);
  const begin =
    how === "said" ? `${name}: ${first}` : how === "did" ? `${pc.dim("*")} ${name} ${first}` : pc.dim(first);
  const lines = [begin, ...more.map((line) => (how === "told" ? pc.dim(line) : line))];
  const width = Math.max(WIDTH_MIN, columns - INDENT.length);
  const wrapped = lines.flatMap((line) => Bun.wrapAnsi(line, width, { hard: true, trim: false }).split("\n"));
  const time = pc.dim(timeOfDay(new Date(msOf(message.timestamp))));
  return wrapped.map((line, i) => (i === 0 ? `${time} ${line}` : INDENT + line));
}

/** In a colour of its own; one's own stands out. */
export function paintedName(who: string, userId: string): string {
  const name = shownName(who);
  if (who === userId) return pc.bold(name);
  const sum = [...who].reduce((hash, char) => (Math.imul(hash, 31) + char.codePointAt(0)!) >>> 0, 7);
  return PAINTS[sum % PAINTS.length](name);
}

export function shownName(who: string): string {
  return cut(printable(who), NAME_WIDTH_MAX);
}

/** "Sun Nov 29 2026". */
export function dayOf(message: CollaborationMessage): string {
  return new Date(msOf(message.timestamp)).toDateString();
}

function toldOf({ userId, messageType, message, metadata, annotation, issue, members }: CollaborationMessage): Told {
  const did = (...parts: readonly string[]): Told => {
    return { who: userId, how: "did", text: parts.filter((part) => part !== "").join(": ") };
  };
  const why = unreadableReason({ metadata });
  if (why !== "") return { who: userId, how: "said", text: `(cannot be read: ${why})` };
  switch (messageType) {
    case "system":
      return { who: "", how: "told", text: systemText(message, metadata, members) };
    case "action":
      return did(metadata["result"] ?? metadata["action"] ?? "did something", message);
    case "annotation":
      if (annotation === undefined) break;
      return did(`${annotation.removed ? "removed a note on" : "annotated"} ${aboutOf(annotation)}`, annotation.text);
    case "issue":
      if (issue === undefined) break;
      return did(issueText(issue, message, metadata));
  }
  return { who: userId, how: "said", text: message };
}

/** Of what was sent as a message the text is what was typed; otherwise it is a sentence. */
function issueText(
  { number, title, revision }: Issue,
  text: string,
  metadata: CollaborationMessage["metadata"],
): string {
  if (text.startsWith(`issue ${number}, `)) return text;
  if (revision === 1n) return `opened issue ${number} ‘${title}’`;
  const changes = ["status", "priority", "assignee", "labels"]
    .filter((key) => metadata[key] !== undefined)
    .map((key) => `${key} ${metadata[key] || "none"}`);
  return [`issue ${number} ‘${title}’`, changes.join(", "), text].filter((part) => part !== "").join(": ");
}

/** The server names those who come and go as they like to be called; whoever says something is named by id. */
function systemText(
  text: string,
  { event = "", was = "" }: CollaborationMessage["metadata"],
  members: readonly Member[],
): string {
  if (event === "renamed" && members.length === 1) return `${shownName(was)} is now ${memberName(members[0])}`;
  if ((event !== "joined" && event !== "left") || members.length === 0) return text || event;
  const names = members.slice(0, COMERS_SHOWN_MAX).map(memberName);
  const more = members.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""} ${event}`;
}

/** "ann (Ann Smith)". */
export function memberName({ userId, userName }: Pick<Member, "userId" | "userName">): string {
  return userName === "" || userName === userId ? shownName(userId) : `${shownName(userId)} (${shownName(userName)})`;
}

function shownLines(text: string): string[] {
  const whole = text.length <= LENGTH_MAX ? text : text.slice(0, LENGTH_MAX);
  const lines = whole.trimEnd().split(/\r\n?|\n/);
  const shown = lines.slice(0, LINES_MAX).map(shownText);
  const hidden = text.length - lines.slice(0, LINES_MAX).join("\n").length;
  const isCut = text.length > whole.length || lines.length > LINES_MAX;
  return isCut ? [...shown, pc.dim(`… ${hidden.toLocaleString("en-US")} more characters`)] : shown;
}

/** Of joiners nothing but shapes of letters and of pictures depends. */
function shownText(line: string): string {
  return line
    .replaceAll("\t", "    ")
    .split(/([\u200c\u200d])/)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join("");
}

function timeOfDay(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
