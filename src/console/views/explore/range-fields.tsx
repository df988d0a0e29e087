/** Of which time: until now, or from and to. */
import { useEffect, useState } from "preact/hooks";
import { localText, msOfLocalText } from "../../data/local-time.ts";
import { isUtc } from "../../format.ts";
import { nowMs } from "../../now.ts";
import { setParams } from "../../route.ts";
import { ownRangeParams, RANGES, rangeName, type ExploreState } from "../../data/explore-state.ts";

export function RangeFields({ state: { lastMs, own } }: { state: ExploreState }) {
  const [isOwn, setOwn] = useState(own !== undefined);
  useEffect(() => setOwn(own !== undefined), [own !== undefined]);
  const ranges = RANGES.some(([, ms]) => ms === lastMs) ? RANGES : [...RANGES, [rangeName(lastMs), lastMs] as const];
  const choose = (name: string) => setParams({ range: name, from: "", to: "" });
  const pause = () => setParams(ownRangeParams({ fromMs: nowMs.peek() - lastMs, toMs: nowMs.peek() }));
  return (
    <>
      <div class="segments" role="group" aria-label="Range">
        {ranges.map(([name, ms]) => (
          <button
            type="button"
            key={name}
            aria-pressed={own === undefined && ms === lastMs}
            onClick={() => choose(name)}
          >
            {name}
          </button>
        ))}
        <button type="button" aria-pressed={own !== undefined} aria-expanded={isOwn} onClick={() => setOwn(!isOwn)}>
          from – to
        </button>
      </div>
      {isOwn && (
        <OwnRange
          key={`${own?.fromMs} ${own?.toMs}`}
          {...(own ?? { fromMs: nowMs.peek() - lastMs, toMs: nowMs.peek() })}
        />
      )}
      {own === undefined ? (
        <button type="button" onClick={pause} title="Holds what is shown; a double click on a chart goes on">
          Pause
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => setParams(ownRangeParams(undefined))}>
          Back to live
        </button>
      )}
    </>
  );
}

function OwnRange({ fromMs, toMs }: { fromMs: number; toMs: number }) {
  const [from, setFrom] = useState(localText(fromMs));
  const [to, setTo] = useState(localText(toMs));
  const [fromTime = NaN, toTime = NaN] = [msOfLocalText(from), msOfLocalText(to)];
  const isOrdered = fromTime < toTime;
  const error = isOrdered
    ? ""
    : Number.isNaN(fromTime - toTime)
      ? "Both times are wanted"
      : "It has to end after it begins";
  const zone = isUtc.value ? "UTC" : "local time";
  return (
    <form
      class="explore-own"
      onSubmit={(event) => {
        event.preventDefault();
        if (isOrdered) setParams(ownRangeParams({ fromMs: fromTime, toMs: toTime }));
      }}
    >
      <label>
        From{" "}
        <input
          type="datetime-local"
          step="1"
          title={zone}
          value={from}
          onInput={({ currentTarget }) => setFrom(currentTarget.value)}
        />
      </label>
      <label>
        to{" "}
        <input
          type="datetime-local"
          step="1"
          title={zone}
          value={to}
          aria-invalid={!isOrdered}
          onInput={({ currentTarget }) => setTo(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={!isOrdered}>
        Show
      </button>
      <span role="status">{error !== "" && <span class="field-error">{error}</span>}</span>
    </form>
  );
}
