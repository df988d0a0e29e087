/** `watchpost session close` and `reopen`: whether something may be added to a session. */
import { Command } from "commander";
import { closeSession, reopenSession } from "../client/sessions.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

interface CloseFlags {
  server: string;
  user?: string;
}

export function sessionCloseCommand(): Command {
  return stateCommand("close", closeSession)
    .summary("end a session: nothing is added to it any more")
    .description("Closes a session. What was said stays, and can be shown and replayed; reopen goes on with it.");
}

export function sessionReopenCommand(): Command {
  return stateCommand("reopen", reopenSession)
    .summary("go on with a session that was closed")
    .description("Opens a session again that was closed.");
}

function stateCommand(name: string, change: typeof closeSession): Command {
  return addUserOption(addServerOption(new Command(name)))
    .argument("<session>", "its id")
    .action(async (sessionId: string, flags: CloseFlags) => {
      const connection = connectTo(flags.server);
      try {
        const session = await change(connection, { sessionId, userId: userOf(flags) }, { signal: interruptSignal() });
        console.log(`session ${printable(session.id)} is ${name === "close" ? "closed" : "open again"}`);
      } finally {
        connection.close();
      }
    });
}
