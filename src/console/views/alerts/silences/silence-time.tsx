import { formatDurationMs } from "../../../../model/duration.ts";
import { localText } from "../../../data/local-time.ts";
import { durationOf } from "../../../data/typed-duration.ts";
import { Time } from "../../../parts/time.tsx";
import { endOf, type SilenceTimes } from "./silence-times.ts";
import "./silences.css";

const QUICK = ["30m", "1h", "2h", "4h", "8h", "1d", "3d", "1w"];

interface SilenceTimeProps {
  readonly times: SilenceTimes;
  readonly nowMs: number;
  readonly error: string;
  /** It is what is asked: all else is known. */
  readonly hasFocus: boolean;
  onChange(times: SilenceTimes): void;
}

export function SilenceTime({ times, nowMs, error, hasFocus, onChange }: SilenceTimeProps) {
  const { from, lasts, until } = times;
  const endsMs = endOf(times, nowMs);
  const isNoDuration = lasts !== "" && durationOf(lasts) === undefined;
  const lastsMs = durationOf(lasts);
  return (
    <fieldset>
      <legend>When</legend>
      <div class="segments silences-quick" role="group" aria-label="Usual times">
        {QUICK.map((each) => (
          <button
            type="button"
            key={each}
            aria-pressed={each === lasts}
            autofocus={hasFocus && each === lasts}
            onClick={() => onChange({ ...times, lasts: each })}
          >
            {each}
          </button>
        ))}
      </div>
      <div class="fields">
        <label class="field">
          From
          <input
            type="datetime-local"
            step="1"
            value={from}
            onInput={({ currentTarget }) => onChange({ ...times, from: currentTarget.value })}
          />
          <span class="field-help">{from === "" ? "Now, where it is empty." : "Local time."}</span>
        </label>
        <label class="field">
          For
          <input
            value={lasts}
            placeholder="1h30m"
            aria-invalid={isNoDuration}
            onInput={({ currentTarget }) => onChange({ ...times, lasts: currentTarget.value })}
          />
          <span class={isNoDuration ? "field-error" : "field-help"}>
            {isNoDuration && "Wanted a time such as 90m or 1h30m"}
            {lastsMs !== undefined && formatDurationMs(lastsMs)}
          </span>
        </label>
        <label class="field">
          Or until
          <input
            type="datetime-local"
            step="1"
            value={lasts === "" || endsMs === undefined ? until : localText(endsMs)}
            onInput={({ currentTarget }) => onChange({ ...times, lasts: "", until: currentTarget.value })}
          />
          <span class={endsMs === undefined ? "field-error" : "field-help"}>
            {endsMs === undefined ? "It has to end after it begins, and after now" : <Time ms={endsMs} />}
          </span>
        </label>
      </div>
      {error !== "" && <p class="field-error">{error}</p>}
    </fieldset>
  );
}
