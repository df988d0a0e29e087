/** `watchpost device delete`. */
import { Command } from "commander";
import pc from "picocolors";
import { deleteDevice } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

export function deviceDeleteCommand(): Command {
  return addUserOption(addServerOption(new Command("delete")))
    .summary("forget devices")
    .description(
      "Forgets devices. Their points stay, and new ones make them known again; what is reached through them has no parent then.",
    )
    .argument("<device...>", "ids, as watchpost devices shows them")
    .action(remove);
}

/** One that is not there is said, and the others go on; exit code 1 then. */
async function remove(ids: readonly string[], flags: { server: string; user?: string }): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    for (const deviceId of new Set(ids)) {
      try {
        await deleteDevice(connection, { deviceId, userId: userOf(flags) }, { signal });
        console.log(`deleted ${printable(deviceId)}`);
      } catch (error) {
        if (!(error instanceof WatchpostError) || error.status !== "NOT_FOUND") throw error;
        console.error(`${pc.red("error:")} ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}
