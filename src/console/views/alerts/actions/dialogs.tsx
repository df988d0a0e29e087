/** What one does with alerts that are chosen, each asked for in a dialog. */
import { useRef, useState } from "preact/hooks";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { knownPeople } from "../../../data/people.ts";
import { countText } from "../../../format.ts";
import { BoundedText } from "../../../parts/bounded-text.tsx";
import { NAME_LENGTH_MAX } from "../../../parts/name-field.tsx";
import { user } from "../../../user.ts";
import { ActionDialog } from "./action-dialog.tsx";

export interface DialogProps {
  readonly rows: readonly AlertRow[];
  onClose(isDone: boolean): void;
}

const TEXT_LENGTH_MAX = 4_096;

export function AcknowledgeDialog({ rows: asked, onClose }: DialogProps) {
  void alertsVersion.value;
  // Somebody else may acknowledge them while the dialog is open; what it does itself is no news.
  const sent = useRef<readonly AlertRow[]>(undefined);
  const rows = sent.current ?? asked.map((row) => alertBook.row(row.id) ?? row);
  const [comment, setComment] = useState("");
  const [isAgain, setAgain] = useState(false);
  const taken = rows.filter(({ alert }) => alert.acknowledged);
  const open = rows.filter(({ alert }) => !alert.acknowledged);
  const people = [...new Set(taken.map(({ alert }) => alert.acknowledgedBy))];
  const isAll = isAgain || open.length === 0;
  return (
    <ActionDialog
      title="Acknowledge"
      rows={isAll ? rows : open}
      action="Acknowledge"
      done="acknowledged"
      act={{ case: "acknowledge", value: { comment } }}
      onSend={() => (sent.current = rows)}
      onClose={onClose}
    >
      {taken.length > 0 && (
        <label class="check">
          <input
            type="checkbox"
            checked={isAll}
            disabled={open.length === 0}
            onChange={({ currentTarget }) => setAgain(currentTarget.checked)}
          />
          {countText(taken.length)} acknowledged already by {people.slice(0, 3).join(", ")}
          {people.length > 3 && " and others"}: put your name in place
        </label>
      )}
      <Text label="Comment (optional)" value={comment} onInput={setComment} />
    </ActionDialog>
  );
}

export function AssignDialog({ rows, onClose }: DialogProps) {
  const [assignee, setAssignee] = useState(rows.length === 1 ? rows[0].alert.assignee : "");
  const [people] = useState(knownPeople);
  const toWhom = assignee.trim();
  return (
    <ActionDialog
      title="Assign"
      rows={rows}
      action={toWhom === "" ? "Assign to nobody" : "Assign"}
      done={toWhom === "" ? "are nobody's now" : `assigned to ${toWhom}`}
      act={{ case: "assign", value: { assignee: toWhom } }}
      onClose={onClose}
    >
      <label class="field">
        To whom (empty: nobody)
        <BoundedText
          autofocus
          list="alerts-people"
          autocomplete="off"
          lengthMax={NAME_LENGTH_MAX}
          value={assignee}
          onInput={setAssignee}
        />
      </label>
      <datalist id="alerts-people">
        {people.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </ActionDialog>
  );
}

export function ResolveDialog({ rows, onClose }: DialogProps) {
  const [comment, setComment] = useState("");
  return (
    <ActionDialog
      title="Resolve"
      rows={rows}
      action="Resolve"
      done="resolved"
      isDangerous
      act={{ case: "resolve", value: { comment } }}
      onClose={onClose}
    >
      <p class="field-help">It mutes nothing: where the condition still holds, the alert comes again.</p>
      <Text label="Comment (optional)" value={comment} onInput={setComment} />
    </ActionDialog>
  );
}

export function CommentDialog({ rows, onClose }: DialogProps) {
  const [text, setText] = useState("");
  return (
    <ActionDialog
      title="Comment"
      rows={rows}
      action="Comment"
      done="commented on"
      act={{ case: "comment", value: { text } }}
      onClose={onClose}
    >
      <Text label="Comment" value={text} onInput={setText} isRequired />
    </ActionDialog>
  );
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  onInput(value: string): void;
  readonly isRequired?: boolean;
}

/** One line, so that Enter sends it. */
function Text({ label, value, onInput, isRequired = false }: TextProps) {
  return (
    <label class="field">
      {label}
      <BoundedText autofocus={user.peek() !== ""} lengthMax={TEXT_LENGTH_MAX} {...{ value, onInput, isRequired }} />
    </label>
  );
}
