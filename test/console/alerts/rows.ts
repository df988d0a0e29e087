/** Alerts as the server would tell of them. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AlertChange, AlertSchema, AlertState, type Alert } from "../../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { alertRow, type AlertRow } from "../../../src/console/data/alert-row.ts";

export const FIRST_MS = Date.UTC(2026, 0, 1);

export interface Given extends Omit<MessageInitShape<typeof AlertSchema>, "createdAt" | "$typeName"> {
  /** Milliseconds after {@link FIRST_MS}. */
  readonly firedMs?: number;
}

export function alertOf(id: string, { firedMs = 0, ...given }: Given = {}): Alert {
  const labels = given.labels ?? {};
  return create(AlertSchema, {
    ...{ id, title: `alert ${id}`, severity: "high", rule: "rule", state: AlertState.ACTIVE },
    ...{ change: AlertChange.FIRED, incidentId: id, context: { ...labels, rule: "rule" } },
    createdAt: timestampOfMs(FIRST_MS + firedMs),
    ...given,
  });
}

export function rowOf(id: string, given: Given = {}, isSilenced = false): AlertRow {
  return alertRow(alertOf(id, given), isSilenced);
}

export function cleared(alert: Alert): Alert {
  return create(AlertSchema, { ...alert, state: AlertState.CLEARED, change: AlertChange.CLEARED, removed: true });
}

export function acknowledged(alert: Alert, by: string): Alert {
  const change = AlertChange.ACKNOWLEDGED;
  return create(AlertSchema, { ...alert, acknowledged: true, acknowledgedBy: by, change });
}
