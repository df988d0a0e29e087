import type { DescMethod } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import type { FunctionComponent } from "preact";
import type { AlertRow } from "../../../data/alert-row.ts";
import { keyTitle, type Key } from "../../../keys.ts";
import { AcknowledgeDialog, AssignDialog, CommentDialog, ResolveDialog, type DialogProps } from "./dialogs.tsx";
import { SilenceDialog } from "./silence-dialog.tsx";
import { Alerts } from "../../../../wire/gen/alerts_pb.ts";
import { may } from "../../../who.ts";

export interface AlertAction {
  readonly label: string;
  readonly key: string;
  readonly Dialog: FunctionComponent<DialogProps>;
  /** What it calls: who may not call it is not offered it. */
  readonly method: DescMethod;
}

const { actOnAlerts, putSilence } = Alerts.method;

export const ALERT_ACTIONS: readonly AlertAction[] = [
  { label: "Acknowledge", key: "a", Dialog: AcknowledgeDialog, method: actOnAlerts },
  { label: "Assign", key: "e", Dialog: AssignDialog, method: actOnAlerts },
  { label: "Silence", key: "s", Dialog: SilenceDialog, method: putSilence },
  { label: "Comment", key: "c", Dialog: CommentDialog, method: actOnAlerts },
  { label: "Resolve", key: "r", Dialog: ResolveDialog, method: actOnAlerts },
];

/** Those that whoever looks at alerts here may take. */
export function possibleActions(): readonly AlertAction[] {
  return ALERT_ACTIONS.filter(({ method }) => may(method));
}

/** The same by keys. */
export function actionKeys(onAction: (action: AlertAction) => void): Key[] {
  return possibleActions().map((action) => ({ keys: action.key, label: action.label, run: () => onAction(action) }));
}

interface Asked {
  readonly action: AlertAction;
  readonly rows: readonly AlertRow[];
}

/** Asks for one action at a time. `dialog` is to be shown somewhere; `onDone` hears when all of it was done. */
export function useAlertActions(onDone: () => void) {
  const [asked, setAsked] = useState<Asked>();
  const ask = (action: AlertAction, rows: readonly AlertRow[]) => {
    if (rows.length > 0) setAsked({ action, rows });
  };
  const dialog = asked && (
    <asked.action.Dialog
      rows={asked.rows}
      onClose={(isDone) => {
        setAsked(undefined);
        if (isDone) onDone();
      }}
    />
  );
  return { ask, dialog, isAsking: asked !== undefined };
}

/** Buttons of what can be done with some alerts. */
export function ActionButtons({ onAction, isOver = false }: { onAction(action: AlertAction): void; isOver?: boolean }) {
  const possible = possibleActions().filter(({ key }) => !isOver || key === "c");
  return (
    <>
      {possible.map((action) => (
        <button
          type="button"
          key={action.key}
          title={keyTitle(action.label, action.key)}
          onClick={() => onAction(action)}
        >
          {action.label}
        </button>
      ))}
    </>
  );
}
