/** ReplaySession: what happened in a session, in its own timing, as fast as its reader takes it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { invalidField } from "../../model/errors.ts";
import { deviceOf, parseSeriesKey } from "../../model/series-key.ts";
import type { ReplayEventSchema } from "../../wire/gen/collaboration_pb.ts";
import type { SeriesRangeSchema } from "../../wire/gen/history_pb.ts";
import { ReplayView, type ReplayRequest } from "../../wire/gen/replay_pb.ts";
import { timestampOfMs, timestampOfUs } from "../../wire/timestamp.ts";
import { Pace } from "./pace.ts";
import type { ShownPoints } from "./points.ts";
import type { Recording, View } from "./recording.ts";
import { timelineOf, type Happening } from "./timeline.ts";

type Event = MessageInitShape<typeof ReplayEventSchema>;
type Mark = { readonly end?: true; readonly behindMs?: bigint };

const [SPEED_MIN, SPEED_MAX] = [0.1, 1_000];
/** Points that come within so much of the reader's time are sent together. */
const TOGETHER_MS = 50;
/** And of the session's, where nobody waits. */
const TOGETHER_US = 1_000_000;

/** Throws INVALID_ARGUMENT for one that there is not. */
export function viewOf({ view }: ReplayRequest): View {
  if (view === ReplayView.AS_KNOWN_NOW) return "as_known_now";
  if (view === ReplayView.UNSPECIFIED || view === ReplayView.AS_SEEN) return "as_seen";
  throw invalidField("view", view, "REPLAY_VIEW_AS_SEEN or REPLAY_VIEW_AS_KNOWN_NOW");
}

/** Throws INVALID_ARGUMENT for one that there is not. */
export function speedOf({ speed }: ReplayRequest): number {
  if (speed === 0 || (speed >= SPEED_MIN && speed <= SPEED_MAX)) return speed;
  throw invalidField(
    "speed",
    speed,
    `0 (as fast as possible), or ${SPEED_MIN} to ${SPEED_MAX.toLocaleString("en-US")}`,
  );
}

/** A mark, everything that happened, and the mark that ends it. What the reader does not take yet is not made yet. */
export async function* replay(
  recording: Recording,
  view: View,
  speed: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const { range, seriesKeys, missing } = recording;
  const bounds = {
    from: timestampOfUs(range.fromUs),
    to: timestampOfUs(range.toUs),
    series: BigInt(seriesKeys.length),
  };
  const mark = (atMs: number, more: Mark = {}): Event => ({
    at: timestampOfMs(atMs),
    event: { case: "mark", value: { ...bounds, missing: [...missing].join("; "), ...more } },
  });
  yield mark(range.fromUs / 1_000);
  const sources = {
    points: recording.points(view, range),
    alerts: recording.alerts(range),
    messages: recording.messages(range),
  };
  const pace = new Pace(range.fromUs / 1_000, speed, clock.monotonicMs());
  const due = async function* (atMs: number): AsyncGenerator<Event> {
    for (;;) {
      signal.throwIfAborted();
      const step = pace.next(atMs, clock.monotonicMs());
      if (step.kind === "send") return;
      if (step.kind === "mark") yield mark(step.atMs, { behindMs: BigInt(Math.round(step.behindMs)) });
      else await pause(clock, step.untilMs - clock.monotonicMs(), signal);
    }
  };
  for await (const happening of timelineOf(sources, speed === 0 ? TOGETHER_US : speed * TOGETHER_MS * 1_000)) {
    yield* due(happening.atMs);
    yield eventOf(happening, seriesKeys);
  }
  yield* due(range.toUs / 1_000);
  yield mark(range.toUs / 1_000, { end: true });
}

function eventOf(happening: Happening, seriesKeys: readonly string[]): Event {
  const at = timestampOfMs(happening.atMs);
  switch (happening.kind) {
    case "message":
      return { at, event: { case: "message", value: happening.message } };
    case "alert":
      return { at, event: { case: "alert", value: happening.alert } };
    case "points":
      return { at, event: { case: "points", value: { series: seriesRanges(happening.points, seriesKeys) } } };
  }
}

/** Points of each series in the order they are shown in. */
function seriesRanges({ slots, timesUs, values }: ShownPoints, seriesKeys: readonly string[]) {
  const ranges = new Map<number, { timesMs: number[]; values: number[] }>();
  for (let i = 0; i < slots.length; i++) {
    let range = ranges.get(slots[i]);
    if (range === undefined) ranges.set(slots[i], (range = { timesMs: [], values: [] }));
    range.timesMs.push(timesUs[i] / 1_000);
    range.values.push(values[i]);
  }
  return [...ranges].map(([slot, range]): MessageInitShape<typeof SeriesRangeSchema> => {
    const identity = parseSeriesKey(seriesKeys[slot]);
    const { metric, source, tags } = identity;
    return { metric, source, tags: Object.fromEntries(tags), device: deviceOf(identity), ...range };
  });
}

/** Ends at once, by throwing, when `signal` aborts. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(Math.max(0, ms), resolve);
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  signal.removeEventListener("abort", stop);
  cancel();
  signal.throwIfAborted();
}
