/** `watchpost session create`: a session with a title, about something. */
import { Command } from "commander";
import { createSession } from "../client/sessions.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { sessionJson } from "./session-json.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Prints its id. A session that is joined is made by itself, too; this one has a title and what it is about: alerts, devices
and metrics that a replay shows beside what was said.

Examples:
  watchpost session create pump-1 --title 'pump 1 runs hot' --device pump-1 --metric 'temperature_*'
  watchpost session join "$(watchpost session create --alert 70e3a1b2c4d5e6f7)"`;

interface CreateFlags {
  server: string;
  user?: string;
  title?: string;
  alert?: string[];
  incident?: string[];
  device?: string[];
  metric?: string[];
  json?: boolean;
}

export function sessionCreateCommand(): Command {
  const collect = (text: string, all: readonly string[] = []) => [...all, text];
  return addUserOption(addServerOption(new Command("create")))
    .summary("make a session, with a title and what it is about")
    .description("Makes a session, and prints its id.")
    .argument("[session]", "its id; without one the server makes one up")
    .option("--title <text>", "what it is called")
    .option("--alert <id>", "an alert that it is about; may be repeated, as all of these", collect)
    .option("--incident <id>", "an incident", collect)
    .option("--device <name>", "a device", collect)
    .option("--metric <glob>", "metrics by name or glob", collect)
    .option("--json", "the session as a JSON line")
    .addHelpText("after", HELP)
    .action(createIt);
}

async function createIt(sessionId: string | undefined, flags: CreateFlags): Promise<void> {
  const { server, title = "", alert = [], incident = [], device = [], metric = [] } = flags;
  const topic = { alertIds: alert, incidentIds: incident, devices: device, metrics: metric };
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const request = { sessionId: sessionId ?? "", userId: userOf(flags), title, topic };
    const session = await createSession(connection, request, { signal });
    if (flags.json) process.stdout.write(sessionJson(session));
    else console.log(printable(session.id));
  } finally {
    connection.close();
  }
}
