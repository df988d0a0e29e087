/** `watchpost session rekey`: a new key for an encrypted session, after somebody left it for good. */
import { Command } from "commander";
import { rekeySession } from "../client/sessions.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addKeyOption, keyLink, keysOf, type KeyFlags } from "./session-key.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { tellSecret } from "./secret-out.ts";

const HELP = `
Prints the new link, to be handed to those who stay, outside of the session. Who has none but the key before reads what was said
until now and nothing that is said from here on. Who has the new one reads everything.

Example:
  watchpost session rekey pump-1 --key-file pump-1.key > pump-1.new.key`;

interface RekeyFlags extends KeyFlags {
  server: string;
  user?: string;
}

export function sessionRekeyCommand(): Command {
  return addKeyOption(addUserOption(addServerOption(new Command("rekey"))))
    .summary("change the key of an encrypted session, so that whoever left does not read on")
    .description("Changes the key of an encrypted session, and prints the link with the new one.")
    .argument("<session>", "its id")
    .addHelpText("after", HELP)
    .action(rekey);
}

async function rekey(sessionId: string, flags: RekeyFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const keys = await keysOf(connection, sessionId, flags, { signal });
    if (keys === undefined) {
      const message = "no key is given; wanted --key-file FILE with the one in force: it is sealed with the new one";
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
    const { key, epoch, keyCheck, earlierKey } = await keys.next();
    const request = { sessionId, userId: userOf(flags), epoch, keyCheck, earlierKey };
    await rekeySession(connection, request, { signal });
    tellSecret(keyLink(sessionId, key));
    console.error(`key ${epoch} is in force: hand this link to those who stay; nobody can make it again`);
  } finally {
    connection.close();
  }
}
