/** `watchpost session list`: which sessions there are, who is in them and when something was said last. */
import pc from "picocolors";
import { Command, Option } from "commander";
import { allSessions, type SessionsWanted } from "../client/sessions.ts";
import { SessionState, type Session } from "../wire/gen/collaboration_pb.ts";
import { ago, msOf, oneLine } from "./alert-text.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { cut } from "./fit-text.ts";
import { sessionJson } from "./session-json.ts";
import { shownName } from "./session-line.ts";
import { stateWord, topicWords } from "./session-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const SHOWN_MAX = 100;
const LIMIT_MAX = 1_000_000;
const MEMBERS_WIDTH_MAX = 40;
const HELP = `
Those that are open, the ones in which something was said last first. HERE is who is in it at this moment.

Examples:
  watchpost session list
  watchpost session list --active
  watchpost session list --all --device pump-1 --json | jq -r .id`;

interface ListFlags {
  server: string;
  active?: boolean;
  closed?: boolean;
  all?: boolean;
  alert?: string;
  incident?: string;
  device?: string;
  limit?: number;
  json?: boolean;
}

export function sessionListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which sessions there are, who is in them, when something was said last")
    .description("Lists sessions that are open.")
    .option("--active", "only those that somebody is in")
    .option("--closed", "only those that are closed")
    .addOption(new Option("--all", "also those that are closed or imported").conflicts("closed"))
    .option("--alert <id>", "only those about this alert")
    .option("--incident <id>", "only those about this incident")
    .option("--device <name>", "only those about this device")
    .option(
      "--limit <count>",
      "at most so many (default: 100 in a table, all with --json)",
      integerArgument(1, LIMIT_MAX),
    )
    .option("--json", "a JSON line for every session")
    .addHelpText("after", HELP)
    .action(list);
}

async function list(flags: ListFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const all = await Array.fromAsync(allSessions(connection, wantedBy(flags), { signal }));
    all.sort((a, b) => msOf(b.lastActivityAt) - msOf(a.lastActivityAt) || (a.id < b.id ? -1 : 1));
    const sessions = all.slice(0, flags.limit ?? (flags.json ? Infinity : SHOWN_MAX));
    if (flags.json) process.stdout.write(sessions.map(sessionJson).join(""));
    else if (sessions.length === 0) console.log(noneOf(flags));
    else {
      process.stdout.write(sessionTable(sessions, Date.now()));
      if (sessions.length < all.length)
        console.log(`the first ${sessions.length} of ${all.length}; --limit shows more`);
    }
  } finally {
    connection.close();
  }
}

/** A line for titles and one a session, in the order given; what is over stands back. */
export function sessionTable(sessions: readonly Session[], nowMs: number): string {
  const table = textTable(
    [
      { title: "SESSION", cell: ({ id }: Session) => printable(id) },
      {
        title: "STATE",
        cell: ({ state, encryption }) => `${stateWord(state)}${encryption === undefined ? "" : ", encrypted"}`,
      },
      { title: "LAST ACTIVITY", cell: ({ lastActivityAt }) => ago(lastActivityAt, nowMs) },
      { title: "MESSAGES", right: true, cell: ({ messages }) => messages.toLocaleString("en-US") },
      { title: "HERE", cell: hereWords },
      { title: "ABOUT", cell: (session) => oneLine(session.title) || topicWords(session) },
    ],
    sessions,
  );
  const [titles, ...lines] = table.split("\n").slice(0, -1);
  const painted = lines.map((line, i) => (sessions[i].state === SessionState.OPEN ? line : pc.dim(line)));
  return `${[pc.bold(titles), ...painted].join("\n")}\n`;
}

function hereWords({ members }: Session): string {
  if (members.length === 0) return "-";
  const names = members.map(({ userId }) => shownName(userId)).join(", ");
  return Bun.stringWidth(names) <= MEMBERS_WIDTH_MAX ? names : `${members.length}: ${cut(names, MEMBERS_WIDTH_MAX)}`;
}

function wantedBy({ active = false, closed, all, alert = "", incident = "", device = "" }: ListFlags): SessionsWanted {
  const states = all ? [] : [closed ? SessionState.CLOSED : SessionState.OPEN];
  return { active, states, alertId: alert, incidentId: incident, device };
}

function noneOf({ active, closed, all, alert, incident, device }: ListFlags): string {
  if ([alert, incident, device].some((flag) => flag !== undefined)) return "no session matches";
  if (active) return "nobody is in a session";
  return closed ? "no session is closed" : all ? "there are no sessions" : "no session is open";
}
