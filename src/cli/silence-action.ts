/** What `silence extend` and `silence expire` have in common: the silences they are told, and a line for each. */
import pc from "picocolors";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import { SilenceState, type Silence } from "../wire/gen/alerts_pb.ts";
import { shortIds } from "./alert-text.ts";
import { connectTo, interruptSignal } from "./client-flags.ts";
import { findSilences } from "./find-silences.ts";
import { matchersOf } from "./silence-text.ts";
import { printable } from "./watch-table.ts";

/**
 * Does it to all silences that are named, or to none where one of them cannot be told. One that is over is said, and the
 * others go on; exit code 1 then. `act` resolves with what goes on behind the matchers, or "".
 */
export async function toSilences(
  names: readonly string[],
  server: string,
  word: string,
  act: (connection: Connection, silence: Silence, signal: AbortSignal) => Promise<string>,
): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const silences = await findSilences(connection, names, { signal });
    const ids = shortIds(silences.map(({ id }) => id));
    for (const silence of silences) {
      const id = printable(ids.get(silence.id)!);
      try {
        if (silence.state === SilenceState.EXPIRED) {
          throw new WatchpostError("FAILED_PRECONDITION", `silence ${id} is over already`);
        }
        const more = await act(connection, silence, signal);
        console.log([`${word} ${id}`, matchersOf(silence), more].filter((part) => part !== "").join("  "));
      } catch (error) {
        // It says nothing of the others.
        if (!(error instanceof WatchpostError && error.status === "FAILED_PRECONDITION")) throw error;
        console.error(`${pc.red("error:")} ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}
