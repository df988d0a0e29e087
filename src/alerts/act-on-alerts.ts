/** What people do about alerts, one at a time or many at once. */
import { nameIn } from "../model/texts.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { ALERTS_ACTED_ON_MAX } from "../model/limits.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import type { ActOnAlertsRequest } from "../wire/gen/alerts_pb.ts";
import { statusCodeOf } from "../wire/status.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";
import { seenAlertById, type AlertReader } from "./list-alerts.ts";
import { textIn } from "./request-fields.ts";

export interface ActDeps {
  readonly book: AlertBook;
  readonly reader: AlertReader;
  /** What `run` changes goes into one transaction. */
  together(run: () => void): void;
  /** Resolves when what was changed so far is durable. */
  written(): Promise<void>;
}

/** Returns the alert as it is then. Throws FAILED_PRECONDITION where it cannot be done to it any more. */
export type Act = (alert: AlertRecord) => AlertRecord;

export type AskedAct =
  | { readonly case: "acknowledge" | "resolve"; readonly value: { readonly comment: string } }
  | { readonly case: "assign"; readonly value: { readonly assignee: string } }
  | { readonly case: "comment"; readonly value: { readonly text: string } };

/** Throws INVALID_ARGUMENT with the field that is wrong. `by`: who does it. */
export function actOf(asked: AskedAct, by: string, book: AlertBook): Act {
  switch (asked.case) {
    case "acknowledge": {
      const comment = textIn(asked.value.comment, "comment");
      return (alert) => book.acknowledge(alert, by, comment);
    }
    case "resolve": {
      const comment = textIn(asked.value.comment, "comment");
      return (alert) => book.resolve(active(alert), by, comment);
    }
    case "assign": {
      const assignee = nameIn(asked.value.assignee, "assignee");
      return (alert) => book.assign(alert, by, assignee);
    }
    case "comment": {
      const text = textIn(asked.value.text, "text");
      if (text.trim() === "") throw invalidField("text", text, "some text");
      return (alert) => book.comment(alert, by, text);
    }
  }
}

/** Resolves when it is durable, with the alert as it is then. Rejects with NOT_FOUND also for one that is not seen. */
export async function actOnAlert(
  id: string,
  act: Act,
  sees: SeesAlert,
  { book, reader, written }: ActDeps,
): Promise<AlertRecord> {
  const found = await seenAlertById(id, book, reader, sees);
  // Somebody else may have changed it meanwhile.
  const alert = act(book.get(id) ?? found);
  await written();
  return alert;
}

/** Resolves when it is durable, with those it could not be done to. */
export async function actOnAlerts(request: ActOnAlertsRequest, by: string, sees: SeesAlert, deps: ActDeps) {
  const { book, reader, together, written } = deps;
  const ids = [...new Set(request.ids)];
  if (ids.length === 0 || request.ids.length > ALERTS_ACTED_ON_MAX)
    throw invalidField("ids", `${request.ids.length} ids`, `1 to ${ALERTS_ACTED_ON_MAX}`);
  if (request.act.case === undefined) throw invalidField("act", "", "acknowledge, resolve, assign or comment");
  const act = actOf(request.act, by, book);
  const found = await Promise.all(ids.map((id) => seenAlertById(id, book, reader, sees).catch(refusalOf)));
  const refusals: { id: string; code: number; reason: string }[] = [];
  const refuse = (id: string, { status, message }: WatchpostError) =>
    refusals.push({ id, code: statusCodeOf(status), reason: message });
  together(() => {
    for (const [i, id] of ids.entries()) {
      const alert = found[i] instanceof WatchpostError ? found[i] : (book.get(id) ?? found[i]);
      if (alert instanceof WatchpostError) {
        refuse(id, alert);
        continue;
      }
      try {
        act(alert);
      } catch (error) {
        refuse(id, refusalOf(error));
      }
    }
  });
  await written();
  return { refusals };
}

/** Throws what is no answer to the caller. */
function refusalOf(error: unknown): WatchpostError {
  if (error instanceof WatchpostError) return error;
  throw error;
}

function active(alert: AlertRecord): AlertRecord {
  if (alert.clearedAtMs === null) return alert;
  throw new WatchpostError("FAILED_PRECONDITION", `the alert ${JSON.stringify(alert.id)} is cleared already`);
}
