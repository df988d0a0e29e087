import { markBeside } from "../../../data/replay/replay-marks.ts";
import { SPEEDS, type Replay } from "../../../data/replay/replay.ts";
import { numberText } from "../../../format.ts";
import type { ToldKey } from "../../../key-sequence.ts";
import { keyTitle, useKeys } from "../../../keys.ts";
import { route, setParams } from "../../../route.ts";

export const WINDOWS: readonly (readonly [name: string, ms: number])[] = [
  ["1m", 60_000],
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
];

/** Of the time that has the focus, as `scrubber.tsx` listens for them. */
const SCRUBBER_KEYS: readonly ToldKey[] = [
  { keys: "← →", label: "Move the time that has the focus" },
  { keys: "PageUp PageDown", label: "Move it far" },
  { keys: "Home End", label: "To the beginning, or the end" },
];

/** Play, jump, how fast, how much of it at once, and which truth. */
export function ReplayControls({ replay, view }: { replay: Replay; view: "seen" | "now" }) {
  const isPlaying = replay.isPlaying.value;
  const toggle = () => toggleReplay(replay);
  const jump = (step: 1 | -1) => {
    const mark = markBeside(replay.marks.peek(), replay.atMs.peek(), step);
    if (mark === undefined) return;
    replay.seek(mark.atMs);
    rememberTime(replay);
  };
  useKeys(
    "Replay",
    [
      { keys: "k", label: "Play or pause", run: toggle },
      { keys: "n", label: "Next event", run: () => jump(1) },
      { keys: "p", label: "Event before", run: () => jump(-1) },
    ],
    SCRUBBER_KEYS,
  );
  return (
    <div class="toolbar replay-controls">
      <button class="primary" onClick={toggle} title={keyTitle("Play or pause", "k")}>
        {isPlaying ? "❚❚ Pause" : "▶ Play"}
      </button>
      <button onClick={() => jump(-1)} title={keyTitle("Event before", "p")}>
        ← Before
      </button>
      <button onClick={() => jump(1)} title={keyTitle("Next event", "n")}>
        Next event →
      </button>
      <label>
        Speed{" "}
        <select
          value={String(replay.speed.value)}
          onChange={({ currentTarget }) => {
            replay.speed.value = Number(currentTarget.value);
            setParams({ speed: currentTarget.value });
          }}
        >
          {SPEEDS.map((speed) => (
            <option key={speed} value={String(speed)}>
              {numberText(speed)}×
            </option>
          ))}
        </select>
      </label>
      <label>
        Shown{" "}
        <select
          value={route.value.params.get("window") ?? ""}
          onChange={({ currentTarget }) => setParams({ window: currentTarget.value })}
        >
          <option value="">all of it</option>
          {WINDOWS.map(([name]) => (
            <option key={name} value={name}>
              last {name}
            </option>
          ))}
        </select>
      </label>
      <div role="group" aria-label="Which values" class="replay-views">
        <button
          aria-pressed={view === "seen"}
          title="What had arrived by then, as it was then"
          onClick={() => changeView(replay, "")}
        >
          as seen
        </button>
        <button
          aria-pressed={view === "now"}
          title="What is known today, at its own time"
          onClick={() => changeView(replay, "now")}
        >
          as known now
        </button>
      </div>
    </div>
  );
}

/** Who is sent the address sees the same. */
export function rememberTime(replay: Replay): void {
  const atMs = replay.atMs.peek();
  if (!Number.isNaN(atMs)) setParams({ t: new Date(atMs).toISOString() });
}

export function toggleReplay(replay: Replay): void {
  if (!replay.isPlaying.peek()) return replay.play();
  replay.pause();
  rememberTime(replay);
}

function changeView(replay: Replay, view: string): void {
  replay.pause();
  rememberTime(replay);
  setParams({ view });
}
