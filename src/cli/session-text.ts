/** Parts of sessions as text for people. */
import { SessionState, type Session } from "../wire/gen/collaboration_pb.ts";
import { secondOf } from "./alert-text.ts";
import { shownName } from "./session-line.ts";
import { printable } from "./watch-table.ts";

const STATE_WORDS: Readonly<Record<SessionState, string>> = {
  [SessionState.UNSPECIFIED]: "unknown",
  [SessionState.OPEN]: "open",
  [SessionState.CLOSED]: "closed",
  [SessionState.IMPORTED]: "imported",
};
const NAMES_SHOWN_MAX = 5;

export function stateWord(state: SessionState): string {
  return STATE_WORDS[state] ?? "unknown";
}

/** "open, encrypted with key 2". */
export function stateOf({ state, encryption }: Session): string {
  return encryption === undefined ? stateWord(state) : `${stateWord(state)}, encrypted with key ${encryption.epoch}`;
}

/** "alert 70e3a1b2, device pump-1"; "" where it is about nothing. */
export function topicWords({ topic }: Session): string {
  const { alertIds = [], incidentIds = [], devices = [], metrics = [] } = topic ?? {};
  const parts = [
    named(
      "alert",
      alertIds.map((id) => id.slice(0, 8)),
    ),
    named(
      "incident",
      incidentIds.map((id) => id.slice(0, 8)),
    ),
    named("device", devices),
    named("metric", metrics),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Lines for `show`, each a name and what it is. */
export function sessionLines(session: Session): string[] {
  const { id, title, state, createdAt, createdBy, closedAt, closedBy, lastActivityAt, messages, members } = session;
  const by = (who: string) => (who === "" ? "" : ` by ${shownName(who)}`);
  const rows: [string, string][] = [
    ["session", printable(id)],
    ["title", printable(title)],
    ["about", topicWords(session)],
    ["state", stateOf(session)],
    ["created", `${secondOf(createdAt)}${by(createdBy)}`],
    ["closed", state === SessionState.CLOSED ? `${secondOf(closedAt)}${by(closedBy)}` : ""],
    ["messages", `${messages.toLocaleString("en-US")}, the last at ${secondOf(lastActivityAt)}`],
    ["here", members.length === 0 ? "nobody" : members.map(({ userId }) => shownName(userId)).join(", ")],
  ];
  return rows.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(9)} ${value}`);
}

function named(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.slice(0, NAMES_SHOWN_MAX).map(printable).join(", ");
  const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : "";
  return `${what}${names.length === 1 ? "" : "s"} ${shown}${more}`;
}
