/** `watchpost session create`: a session with a title, about something. */
import { Command, Option } from "commander";
import { createSession } from "../client/sessions.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { keyCheckOf, newSessionKey } from "../wire/sealed-message.ts";
import { keyLink } from "./session-key.ts";
import { sessionJson } from "./session-json.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";
import { tellSecret } from "./secret-out.ts";

const HELP = `
Prints its id. A session that is joined is made by itself, too; this one has a title and what it is about: alerts, devices
and metrics that a replay shows beside what was said.

--encrypted: what is said in it the server cannot read. In place of the id its link is printed, with the key behind #: who has
the link reads and writes, and nobody can make it again. Its title, what it is about, who is in it, alerts, notes and issues are
not encrypted.

Examples:
  watchpost session create pump-1 --title 'pump 1 runs hot' --device pump-1 --metric 'temperature_*'
  watchpost session join "$(watchpost session create --alert 70e3a1b2c4d5e6f7)"
  watchpost session create pump-1 --encrypted > pump-1.key
  watchpost session join pump-1 --key-file pump-1.key`;

interface CreateFlags {
  server: string;
  user?: string;
  title?: string;
  alert?: string[];
  incident?: string[];
  device?: string[];
  metric?: string[];
  json?: boolean;
  encrypted?: boolean;
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
    .addOption(new Option("--encrypted", "members share a key that the server has not got").conflicts("json"))
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
    if (flags.encrypted) {
      // The key is for the session of that id alone.
      const id = sessionId ?? crypto.randomUUID();
      const key = newSessionKey(1);
      await createSession(connection, { ...request, sessionId: id, keyCheck: await keyCheckOf(key, id) }, { signal });
      tellSecret(keyLink(id, key));
      console.error(
        `session ${printable(id)} is encrypted: who has this link reads and writes; nobody can make it again`,
      );
      return;
    }
    const session = await createSession(connection, request, { signal });
    if (flags.json) process.stdout.write(sessionJson(session));
    else console.log(printable(session.id));
  } finally {
    connection.close();
  }
}
