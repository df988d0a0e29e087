/** What `ack`, `resolve`, `assign` and `comment` have in common: the alerts they are told, and a line for each. */
import pc from "picocolors";
import type { Command } from "commander";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import { AlertState, type Alert, type AlertResponse } from "../wire/gen/alerts_pb.ts";
import { painted, shortIds, titleOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { findAlerts } from "./find-alerts.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

export interface ActionFlags {
  server: string;
  user?: string;
}

export interface Action {
  /** Does it to an alert. */
  act(connection: Connection, id: string, userId: string, signal: AbortSignal): Promise<AlertResponse>;
  /** In words, "acknowledged"; `before`: the alert as it stood. */
  told(before: Alert): string;
}

export function addActionOptions(command: Command): Command {
  return addUserOption(addServerOption(command));
}

/**
 * Does it to all alerts that are named, or to none where one of them cannot be told. One that cannot be done to an alert is
 * said, and the others go on; exit code 1 then.
 */
export async function toAlerts(names: readonly string[], flags: ActionFlags, { act, told }: Action): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const alerts = await findAlerts(connection, names, { signal });
    const ids = shortIds(alerts.map(({ id }) => id));
    for (const before of alerts) {
      try {
        const { alert = before } = await act(connection, before.id, userOf(flags), signal);
        const severity = painted(alert.severity, printable(alert.severity));
        const over = before.state === AlertState.CLEARED ? "  (over)" : "";
        console.log(`${told(before)} ${printable(ids.get(before.id)!)}  ${severity}  ${titleOf(alert)}${over}`);
      } catch (error) {
        if (!isOfOne(error)) throw error;
        console.error(`${pc.red("error:")} ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}

/** Whether it says nothing of the other alerts. */
function isOfOne(error: unknown): error is WatchpostError {
  return error instanceof WatchpostError && (error.status === "FAILED_PRECONDITION" || error.status === "NOT_FOUND");
}
