/** What `ack`, `resolve`, `assign` and `comment` have in common: the alerts they are told, and a line for each. */
import pc from "picocolors";
import type { Command } from "commander";
import { actOnAlerts, type AlertAct } from "../client/alerts.ts";
import { ALERTS_ACTED_ON_MAX } from "../model/limits.ts";
import { AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
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
  /** Done one after the other; what one cannot be done to, the next ones are not. */
  readonly acts: readonly AlertAct[];
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
export async function toAlerts(names: readonly string[], flags: ActionFlags, { acts, told }: Action): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const alerts = await findAlerts(connection, names, { signal });
    const ids = shortIds(alerts.map(({ id }) => id));
    for (let at = 0; at < alerts.length; at += ALERTS_ACTED_ON_MAX) {
      const some = alerts.slice(at, at + ALERTS_ACTED_ON_MAX);
      const refused = new Map<string, string>();
      for (const act of acts) {
        const left = some.map(({ id }) => id).filter((id) => !refused.has(id));
        if (left.length === 0) break;
        const { refusals } = await actOnAlerts(connection, { ids: left, userId: userOf(flags), act }, { signal });
        for (const { id, reason } of refusals) refused.set(id, reason);
      }
      for (const alert of some) {
        const reason = refused.get(alert.id);
        if (reason === undefined) {
          const severity = painted(alert.severity, printable(alert.severity));
          const over = alert.state === AlertState.CLEARED ? "  (over)" : "";
          console.log(`${told(alert)} ${printable(ids.get(alert.id)!)}  ${severity}  ${titleOf(alert)}${over}`);
        } else {
          console.error(`${pc.red("error:")} ${printable(reason)}`);
          process.exitCode = 1;
        }
      }
    }
  } finally {
    connection.close();
  }
}
