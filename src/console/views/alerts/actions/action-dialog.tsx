import type { MessageInitShape } from "@bufbuild/protobuf";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { ALERTS_ACTED_ON_MAX } from "../../../../model/limits.ts";
import type { ActOnAlertsRequestSchema } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { errorText } from "../../../errors.ts";
import { countText } from "../../../format.ts";
import { Dialog } from "../../../parts/dialog.tsx";
import { NameWanted } from "../../../parts/name-field.tsx";
import { Severity } from "../../../parts/status.tsx";
import { tell } from "../../../parts/tell.ts";
import { user } from "../../../user.ts";
import { runAll, type Refused } from "./run-all.ts";

/** What is done with them. */
type AlertAct = NonNullable<MessageInitShape<typeof ActOnAlertsRequestSchema>["act"]>;

interface ActionDialogProps {
  readonly title: string;
  readonly rows: readonly AlertRow[];
  /** On the button: "Acknowledge". */
  readonly action: string;
  /** Told when all went well: "acknowledged". */
  readonly done: string;
  readonly act: AlertAct;
  /** Is told before anything is sent. */
  onSend?(): void;
  /** `isDone`: all of it was. */
  onClose(isDone: boolean): void;
  readonly children?: ComponentChildren;
  readonly isDangerous?: boolean;
}

const NAMED_MAX = 5;

/** Does something with each of some alerts. What the server refuses is told by alert, and can be tried again. */
export function ActionDialog(props: ActionDialogProps) {
  const { title, rows, action, done, act, onSend, onClose, children, isDangerous = false } = props;
  const [refused, setRefused] = useState<readonly Refused<AlertRow>[]>();
  /** While it is under way: of these, how many. Rows may change meanwhile, not least by it. */
  const [under, setUnder] = useState<{ readonly rows: readonly AlertRow[]; readonly count: number }>();
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const left = under?.rows ?? refused?.map(({ item }) => item) ?? rows;

  const run = async () => {
    const controller = (running.current = new AbortController());
    setUnder({ rows: left, count: 0 });
    onSend?.();
    const next = await runAll(left, (some, options) => actOn(some, act, options), {
      atOnceMax: ALERTS_ACTED_ON_MAX,
      signal: controller.signal,
      onProgress: (count) => setUnder({ rows: left, count }),
      reasonOf: errorText,
    });
    running.current = undefined;
    setUnder(undefined);
    if (next.length > 0) return setRefused(next);
    tell(left.length === 1 ? `${left[0].alert.title}: ${done}` : `${countText(left.length)} alerts ${done}`);
    onClose(true);
  };

  return (
    <Dialog title={title} onClose={() => onClose(false)}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (under === undefined && left.length > 0) void run();
        }}
      >
        {refused === undefined ? <Named rows={left} /> : <RefusedList {...{ refused, all: rows.length }} />}
        <NameWanted isRequired />
        {children}
        <div class="actions">
          {under !== undefined && (
            <output>
              {countText(under.count)} of {countText(left.length)}
            </output>
          )}
          <button type="button" onClick={() => (under === undefined ? onClose(false) : running.current?.abort())}>
            {under === undefined ? "Cancel" : "Stop"}
          </button>
          <button type="submit" class={isDangerous ? "danger" : "primary"} aria-disabled={under !== undefined}>
            {refused === undefined ? action : `${action} again`}
            {left.length > 1 && ` (${countText(left.length)})`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

async function actOn(rows: readonly AlertRow[], act: AlertAct, options: { signal: AbortSignal }) {
  const ids = rows.map(({ id }) => id);
  const { refusals } = await alertsApi.actOnAlerts({ ids, userId: user.peek(), act }, options);
  return new Map(refusals.map(({ id, reason }) => [ids.indexOf(id), reason]));
}

function Named({ rows }: { rows: readonly AlertRow[] }) {
  return (
    <ul class="alerts-named">
      {rows.slice(0, NAMED_MAX).map(({ id, alert }) => (
        <li key={id}>
          <Severity severity={alert.severity} /> {alert.title}
        </li>
      ))}
      {rows.length > NAMED_MAX && <li class="dim">and {countText(rows.length - NAMED_MAX)} more</li>}
    </ul>
  );
}

function RefusedList({ refused, all }: { refused: readonly Refused<AlertRow>[]; all: number }) {
  return (
    <div role="alert">
      <p>
        {countText(all - refused.length)} of {countText(all)} done. Not done:
      </p>
      <ul class="alerts-named">
        {refused.slice(0, 2 * NAMED_MAX).map(({ item, reason }) => (
          <li key={item.id}>
            <strong>{item.alert.title}</strong>: {reason}
          </li>
        ))}
        {refused.length > 2 * NAMED_MAX && <li>and {countText(refused.length - 2 * NAMED_MAX)} more</li>}
      </ul>
    </div>
  );
}
