import { useMemo, useState } from "preact/hooks";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { formatDurationMs, parseDurationMs } from "../../../../model/duration.ts";
import { alertsApi } from "../../../api.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { coverageOf, matchersFor, type Coverage } from "../../../data/silence-draft.ts";
import { readSilences } from "../../../data/silences.ts";
import { errorText } from "../../../errors.ts";
import { countText } from "../../../format.ts";
import { nowMs, serverNowMs } from "../../../now.ts";
import { Dialog } from "../../../parts/dialog.tsx";
import { NameWanted } from "../../../parts/name-field.tsx";
import { Severity } from "../../../parts/status.tsx";
import { tell } from "../../../parts/tell.ts";
import { Time } from "../../../parts/time.tsx";
import { user } from "../../../user.ts";
import type { DialogProps } from "./dialogs.tsx";

const QUICK = ["30m", "1h", "2h", "4h", "8h", "1d", "3d"];
const NAMED_MAX = 6;

/** For a time, nobody is told of what meets all matchers. What that covers is shown before it is said. */
export function SilenceDialog({ rows, onClose }: DialogProps) {
  const [matchers, setMatchers] = useState<readonly string[]>(() => matchersFor(rows));
  const [duration, setDuration] = useState("1h");
  const [comment, setComment] = useState("");
  const [failure, setFailure] = useState("");
  const [isSending, setSending] = useState(false);
  const lastsMs = durationMs(duration);
  const version = alertsVersion.value;
  const coverage = useMemo(() => coverageOf(matchers, alertBook.active, rows), [matchers, version]);

  const send = async () => {
    if (lastsMs === undefined || isSending) return;
    setSending(true);
    try {
      const endsAt = timestampFromMs(serverNowMs() + lastsMs);
      await alertsApi.putSilence({ silence: { matchers: [...matchers], endsAt, author: user.peek(), comment } });
      await readSilences();
      tell(`Silenced for ${formatDurationMs(lastsMs)}`);
      onClose(true);
    } catch (error) {
      setFailure(errorText(error));
    } finally {
      setSending(false);
    }
  };

  return (
    <Dialog title="Silence" onClose={() => onClose(false)} isWide>
      <form
        class="form alerts-silence"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <fieldset>
          <legend>For how long</legend>
          <div class="toolbar">
            <div class="segments" role="group" aria-label="Usual times">
              {QUICK.map((each) => (
                <button
                  type="button"
                  key={each}
                  aria-pressed={each === duration}
                  autofocus={each === duration}
                  onClick={() => setDuration(each)}
                >
                  {each}
                </button>
              ))}
            </div>
            <label>
              or{" "}
              <input
                size={8}
                value={duration}
                aria-invalid={lastsMs === undefined}
                onInput={({ currentTarget }) => setDuration(currentTarget.value)}
              />
            </label>
            {lastsMs === undefined ? (
              <span class="field-error">wanted a time such as 90m or 1h30m</span>
            ) : (
              <span class="dim">
                until <Time ms={nowMs.value + lastsMs} />
              </span>
            )}
          </div>
        </fieldset>
        <Matchers matchers={matchers} wrong={coverage.wrong} onChange={setMatchers} />
        <Covered coverage={coverage} />
        <NameWanted isRequired />
        <label class="field">
          Why
          <input
            required
            maxLength={1_024}
            placeholder="works on pump 1 until noon"
            value={comment}
            onInput={({ currentTarget }) => setComment(currentTarget.value)}
          />
        </label>
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          <button type="button" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={isSending || lastsMs === undefined}>
            Silence
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface MatchersProps {
  readonly matchers: readonly string[];
  readonly wrong: readonly number[];
  onChange(matchers: readonly string[]): void;
}

function Matchers({ matchers, wrong, onChange }: MatchersProps) {
  return (
    <fieldset>
      <legend>Alerts that meet all of these</legend>
      <ul class="alerts-matchers">
        {matchers.map((matcher, i) => (
          <li key={i}>
            <input
              aria-label={`Matcher ${i + 1}`}
              aria-invalid={wrong.includes(i)}
              value={matcher}
              onInput={({ currentTarget }) => onChange(matchers.with(i, currentTarget.value))}
            />
            <button
              type="button"
              class="quiet"
              aria-label={`Take ${matcher} away`}
              onClick={() => onChange(matchers.toSpliced(i, 1))}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="quiet" onClick={() => onChange([...matchers, ""])}>
        + another
      </button>
      <p class="field-help">
        name=value, name!=value, name=~expression, name!~expression; also alertname and severity.
      </p>
    </fieldset>
  );
}

export function Covered({ coverage: { covered, unsure, missed, wrong } }: { coverage: Coverage }) {
  return (
    <section class="alerts-covered" aria-live="polite">
      <strong>
        {wrong.length > 0 && "Complete what is marked to see what it covers"}
        {wrong.length === 0 && covered.length === 1 && "Covers one alert that fires now"}
        {wrong.length === 0 && covered.length !== 1 && `Covers ${countText(covered.length)} alerts that fire now`}
      </strong>
      {missed.length > 0 && (
        <p class="field-error">not {missed.map(titleOf).slice(0, 3).join(", ")}, which you chose</p>
      )}
      {unsure.length > 0 && <p class="dim">of {countText(unsure.length)} more only the server can tell</p>}
      <ul class="alerts-named">
        {covered.slice(0, NAMED_MAX).map(({ id, alert }) => (
          <li key={id}>
            <Severity severity={alert.severity} /> {alert.title}
          </li>
        ))}
        {covered.length > NAMED_MAX && <li class="dim">and {countText(covered.length - NAMED_MAX)} more</li>}
      </ul>
    </section>
  );
}

function titleOf({ alert }: AlertRow): string {
  return alert.title;
}

function durationMs(text: string): number | undefined {
  try {
    return parseDurationMs(text) || undefined;
  } catch {
    return undefined;
  }
}
