/** Alerts by their ids, of which the first letters are enough. */
import { allAlerts } from "../client/alerts.ts";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import { AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { painted, shortIds, titleOf } from "./alert-text.ts";
import { printable } from "./watch-table.ts";

/** Of alerts that are over only the latest are looked through. */
const CLEARED_MAX = 10_000;
const SHOWN_MAX = 10;

/**
 * The alerts that are named, each once, in their order: among the active ones, and where none of those is meant among the
 * latest that are over. Throws INVALID_ARGUMENT where a name stands for several, with what they are, NOT_FOUND where it
 * stands for none; a line for each.
 */
export async function findAlerts(
  connection: Connection,
  names: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<Alert[]> {
  const found = new Map<string, readonly Alert[]>();
  const active = await Array.fromAsync(allAlerts(connection, { state: AlertState.ACTIVE }, { signal }));
  note(found, names, active);
  const others = names.filter((name) => found.get(name)!.length === 0);
  if (others.length > 0) {
    const cleared = allAlerts(connection, { state: AlertState.CLEARED }, { signal, limitMax: CLEARED_MAX });
    note(found, others, await Array.fromAsync(cleared));
  }
  refuse([...found]);
  return [...new Map([...found.values()].map(([alert]) => [alert.id, alert])).values()];
}

/** An id that is given whole means itself, also where others begin with it. */
function note(found: Map<string, readonly Alert[]>, names: readonly string[], alerts: readonly Alert[]): void {
  const byId = new Map(alerts.map((alert) => [alert.id, alert]));
  for (const name of names) {
    const exact = byId.get(name);
    if (exact !== undefined) found.set(name, [exact]);
    else found.set(name, name === "" ? [] : alerts.filter(({ id }) => id.startsWith(name)));
  }
}

function refuse(found: readonly (readonly [string, readonly Alert[]])[]): void {
  const unknown = found.filter(([, alerts]) => alerts.length === 0);
  const ambiguous = found.filter(([, alerts]) => alerts.length > 1);
  const sentences = [
    ...unknown.map(([name]) => `no alert has an id that begins with ${JSON.stringify(printable(name))}`),
    ...ambiguous.map(
      ([name, alerts]) => `${JSON.stringify(name)} stands for ${alerts.length} alerts; ${choices(alerts)}`,
    ),
  ];
  if (ambiguous.length > 0) throw new WatchpostError("INVALID_ARGUMENT", sentences.join("\n"));
  if (unknown.length === 0) return;
  throw new WatchpostError("NOT_FOUND", `${sentences.join("\n")}; watchpost alerts tells which there are`);
}

function choices(alerts: readonly Alert[]): string {
  const ids = shortIds(alerts.map(({ id }) => id));
  const lines = alerts.slice(0, SHOWN_MAX).map((alert) => {
    const severity = painted(alert.severity, printable(alert.severity).padEnd(8));
    return `  ${printable(ids.get(alert.id)!)}  ${severity}  ${titleOf(alert)}`;
  });
  const more = alerts.length > SHOWN_MAX ? [`  and ${alerts.length - SHOWN_MAX} more`] : [];
  return ["wanted more letters of one of them:", ...lines, ...more].join("\n");
}
