import { useMemo, useRef } from "preact/hooks";
import { partOf, spacedMarks } from "../../../data/replay/replay-marks.ts";
import type { Replay } from "../../../data/replay/replay.ts";
import { dateTimeText } from "../../../format.ts";
import { rememberTime, toggleReplay } from "./replay-controls.tsx";

const PLACES = 400;
/** Of the whole, by keys. */
const [STEP, LARGE_STEP, PAGE_STEP] = [1 / 500, 1 / 50, 1 / 10];

/** One time for charts, alerts and chat: dragged, clicked, or moved with arrows, page keys, Home and End. */
export function Scrubber({ replay }: { replay: Replay }) {
  const place = useRef<HTMLDivElement>(null);
  void replay.parts.value;
  const { fromMs, toMs } = replay.buffer.range;
  const lengthMs = toMs - fromMs;
  const marks = useMemo(
    () => spacedMarks(replay.marks.value, { fromMs, toMs }, PLACES),
    [replay.marks.value, fromMs, toMs],
  );
  const seekTo = ({ clientX }: PointerEvent) => {
    const { left, width } = place.current!.getBoundingClientRect();
    replay.seek(fromMs + ((clientX - left) / width) * lengthMs);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const atMs = replay.atMs.peek();
    const step = lengthMs * (event.shiftKey ? LARGE_STEP : STEP);
    const goals: Readonly<Record<string, number>> = {
      ...{ ArrowLeft: atMs - step, ArrowDown: atMs - step, ArrowRight: atMs + step, ArrowUp: atMs + step },
      ...{ PageDown: atMs - lengthMs * PAGE_STEP, PageUp: atMs + lengthMs * PAGE_STEP, Home: fromMs, End: toMs },
    };
    if (event.key === " ") {
      event.preventDefault();
      return toggleReplay(replay);
    }
    const goal = goals[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    replay.seek(goal);
    rememberTime(replay);
  };
  const placeOf = (ms: number) => partOf({ fromMs, toMs }, ms) * PLACES;
  return (
    <div
      ref={place}
      class="replay-scrubber"
      role="slider"
      tabIndex={0}
      aria-label="Time of the replay"
      aria-valuemin={0}
      aria-valuemax={Math.round(lengthMs / 1_000)}
      aria-valuenow={Math.round((replay.shownMs.value - fromMs) / 1_000)}
      aria-valuetext={Number.isNaN(replay.shownMs.value) ? "" : dateTimeText(replay.shownMs.value)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        place.current!.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => event.buttons > 0 && seekTo(event)}
      onPointerUp={() => rememberTime(replay)}
    >
      <svg viewBox={`0 0 ${PLACES} 24`} preserveAspectRatio="none" aria-hidden="true">
        <rect class="replay-read" x="0" y="10" height="4" width={placeOf(replay.buffer.readToMs)} />
        {marks.map(({ atMs, kind, severity, text }) => (
          <line
            key={`${atMs} ${kind}`}
            class={`replay-mark-${kind}`}
            data-severity={severity}
            x1={placeOf(atMs)}
            x2={placeOf(atMs)}
            {...MARK_HEIGHTS[kind]}
          >
            <title>{text}</title>
          </line>
        ))}
      </svg>
      <Thumb replay={replay} />
    </div>
  );
}

/** Told apart by height and place, not by colour alone. */
const MARK_HEIGHTS = {
  fired: { y1: 0, y2: 24 },
  over: { y1: 6, y2: 18 },
  changed: { y1: 9, y2: 15 },
  said: { y1: 16, y2: 24 },
  noted: { y1: 12, y2: 24 },
} as const;

function Thumb({ replay }: { replay: Replay }) {
  const atMs = replay.atMs.value;
  if (Number.isNaN(atMs)) return null;
  const part = partOf(replay.buffer.range, atMs);
  return (
    <>
      <div class="replay-thumb" style={{ left: `${part * 100}%` }} />
      <output class="replay-time" style={{ left: `${part * 100}%`, transform: `translateX(${-part * 100}%)` }}>
        {dateTimeText(atMs)}
      </output>
    </>
  );
}
