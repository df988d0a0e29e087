/** `watchpost session`: rooms in which operators work a problem together. */
import { Command } from "commander";
import { sessionCloseCommand, sessionReopenCommand } from "./session-close.ts";
import { sessionCreateCommand } from "./session-create.ts";
import { sessionExportCommand } from "./session-export.ts";
import { sessionImportCommand } from "./session-import.ts";
import { sessionJoinCommand } from "./session-join.ts";
import { sessionListCommand } from "./session-list.ts";
import { sessionRekeyCommand } from "./session-rekey.ts";
import { sessionReplayCommand } from "./session-replay.ts";
import { sessionSendCommand } from "./session-send.ts";
import { sessionShowCommand } from "./session-show.ts";

const HELP = `
Everything that is said in a session, and done in it, is kept in one order that is the same for everybody. Whoever joins one
that there is not makes it.

Examples:
  watchpost session join pump-1
  watchpost session list --active
  watchpost session send pump-1 'on my way'
  watchpost session show pump-1
  watchpost session replay pump-1 --speed 10`;

export function sessionCommand(): Command {
  return new Command("session")
    .summary("work a problem together: list, show, create, join, send, close, reopen, rekey, replay, export, import")
    .description(
      "Sessions: rooms in which operators talk, acknowledge alerts, open issues and annotate, all of it kept.",
    )
    .addCommand(sessionListCommand())
    .addCommand(sessionShowCommand())
    .addCommand(sessionCreateCommand())
    .addCommand(sessionJoinCommand())
    .addCommand(sessionSendCommand())
    .addCommand(sessionCloseCommand())
    .addCommand(sessionReopenCommand())
    .addCommand(sessionRekeyCommand())
    .addCommand(sessionReplayCommand())
    .addCommand(sessionExportCommand())
    .addCommand(sessionImportCommand())
    .addHelpText("after", HELP);
}
