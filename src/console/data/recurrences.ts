/** Which alerts flap: fed with what fires, and once with what is over since an hour. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { signal } from "@preact/signals";
import { AlertState } from "../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../api.ts";
import { serverNowMs } from "../now.ts";
import { alertRow, type AlertRow } from "./alert-row.ts";
import { onAlerts } from "./alerts.ts";
import { Recurrence, RECURRENCE_MS } from "./recurrence.ts";

const READ_MAX = 1_000;
const recurrence = new Recurrence();

export interface Recurrences {
  timesOf(row: AlertRow): number;
}

/** Another one each time that more is known. */
export const recurrences = signal(present());

export function followRecurrences(): () => void {
  void readPast();
  return onAlerts(({ deltas }) => {
    for (const { before, after } of deltas) if (before === undefined && after !== undefined) recurrence.note(after);
  });
}

async function readPast(): Promise<void> {
  const from = timestampFromMs(serverNowMs() - RECURRENCE_MS);
  try {
    const { alerts } = await alertsApi.listAlerts({ state: AlertState.CLEARED, from, limit: READ_MAX });
    for (const alert of alerts) recurrence.note(alertRow(alert, false));
    recurrences.value = present();
  } catch {
    // What fires from now on is counted all the same.
  }
}

function present(): Recurrences {
  return { timesOf: (row) => recurrence.times(row, serverNowMs()) };
}
