import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useMemo, useState } from "preact/hooks";
import type { Silence } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import { localText, msOfLocalText } from "../../../data/local-time.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { coverageOf } from "../../../data/silence-draft.ts";
import { readSilences } from "../../../data/silences.ts";
import { errorText } from "../../../errors.ts";
import { msOf } from "../../../format.ts";
import { nowMs, serverNowMs } from "../../../now.ts";
import { Dialog } from "../../../parts/dialog.tsx";
import { NameWanted } from "../../../parts/name-field.tsx";
import { tell } from "../../../parts/tell.ts";
import { user } from "../../../user.ts";
import { CheckField, ListField, TextField } from "../../../parts/fields.tsx";
import { problemAt, problemsOf, type Problem } from "../problems.ts";
import { Covered } from "./covered.tsx";
import { SilenceTime } from "./silence-time.tsx";
import { endOf, type SilenceTimes } from "./silence-times.ts";
import { suggestedMatchers } from "./silence-words.ts";

export type BegunSilence = Pick<Silence, "matchers" | "comment"> &
  Partial<Pick<Silence, "id" | "startsAt" | "endsAt" | "all">>;

const NOBODY: readonly AlertRow[] = [];

interface SilenceFormProps {
  /** With an id: it is changed; without one it is what another one begins with. */
  readonly begun: BegunSilence;
  /** Alerts that it is for. */
  readonly meant?: readonly AlertRow[];
  /** `isDone`: it is put. */
  onClose(isDone: boolean): void;
}

/** For a time, nobody is told of what meets all matchers. What that covers is shown before it is said. */
export function SilenceForm({ begun, meant = NOBODY, onClose }: SilenceFormProps) {
  const isNew = begun.id === undefined;
  const [matchers, setMatchers] = useState<readonly string[]>(begun.matchers.length > 0 ? begun.matchers : [""]);
  const [times, setTimes] = useState(() => timesOf(begun));
  const [comment, setComment] = useState(begun.comment);
  const [isForAll, setForAll] = useState(begun.all ?? false);
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [failure, setFailure] = useState("");
  const [isSending, setSending] = useState(false);
  const version = alertsVersion.value;
  const given = matchers.filter((text) => text.trim() !== "");
  const coverage = useMemo(() => coverageOf(given, alertBook.active, meant), [matchers, meant, version]);
  const endsMs = endOf(times, nowMs.value);
  const isComplete = endsMs !== undefined && given.length > 0 && comment.trim() !== "";

  const send = async () => {
    const end = endOf(times, serverNowMs());
    if (isSending || !isComplete || end === undefined) return;
    setSending(true);
    try {
      const startsMs = msOfLocalText(times.from) ?? msOf(begun.startsAt);
      const silence = {
        ...{ id: begun.id ?? "", matchers: given, author: user.peek(), comment: comment.trim(), all: isForAll },
        ...(startsMs !== undefined && { startsAt: timestampFromMs(startsMs) }),
        endsAt: timestampFromMs(end),
      };
      await alertsApi.putSilence({ silence, userId: user.peek() });
      await readSilences();
      tell(isNew ? "Silenced" : "The silence is changed");
      onClose(true);
    } catch (error) {
      const violations = problemsOf(error);
      setProblems(violations);
      setFailure(violations.length > 0 && violations.every(isPlaced) ? "" : errorText(error));
    }
    setSending(false);
  };

  return (
    <Dialog title={isNew ? "New silence" : "Change the silence"} onClose={() => onClose(false)} isWide>
      <form
        class="form alerts-silence"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <ListField
          label="Nobody is told of alerts that meet all of these"
          values={matchers}
          onChange={(changed) => {
            setMatchers(changed);
            setProblems([]);
          }}
          suggest={async (typed) => suggestedMatchers(typed, alertBook.active)}
          placeholder="device=pump-1"
          more="matcher"
          help="name=value, name!=value, name=~expression, name!~expression; alertname is the rule."
          errorOf={(i) => matcherError(given.indexOf(matchers[i]), problems, coverage.wrong)}
          error={problemAt(problems, "silence.matchers")}
        />
        {(isForAll || problems.some(({ text }) => text.includes("silence them all"))) && (
          <CheckField label="It may hold back every alert" isOn={isForAll} onChange={setForAll} />
        )}
        {given.length > 0 && <Covered coverage={coverage} />}
        <SilenceTime
          {...{ times, nowMs: nowMs.value, error: problemAt(problems, "silence.ends_at") }}
          hasFocus={meant.length > 0}
          onChange={setTimes}
        />
        <NameWanted isRequired />
        <TextField
          label="Why"
          value={comment}
          placeholder="works on pump 1 until noon"
          onChange={setComment}
          error={problemAt(problems, "silence.comment")}
          help="Whoever wonders why it is quiet reads this."
        />
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          {!isComplete && <span class="dim">Wanted: matchers, an end, and why.</span>}
          <button type="button" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={isSending || !isComplete}>
            {isNew ? "Silence" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function timesOf({ startsAt, endsAt }: BegunSilence): SilenceTimes {
  const [startsMs, endsMs] = [msOf(startsAt), msOf(endsAt)];
  return {
    from: startsMs !== undefined && startsMs > serverNowMs() ? localText(startsMs) : "",
    lasts: endsMs === undefined ? "1h" : "",
    until: endsMs === undefined ? "" : localText(endsMs),
  };
}

function matcherError(i: number, problems: readonly Problem[], wrong: readonly number[]): string {
  if (i < 0) return "";
  return problemAt(problems, `silence.matchers[${i}]`, true) || (wrong.includes(i) ? "Wanted name=value" : "");
}

function isPlaced({ field }: Problem): boolean {
  return /^silence\.(matchers|ends_at|comment)/.test(field);
}
