import { durationText, otherTimeText, timeText } from "../format.ts";
import { nowMs } from "../now.ts";

/** A local time; UTC when it is pointed at, or the other way round where UTC was chosen. */
export function Time({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return <span>–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={otherTimeText(ms)}>
      {timeText(ms, nowMs.peek())}
    </time>
  );
}

/** How long ago, going on; when that was, when it is pointed at. */
export function Age({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return <span>–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${timeText(ms, nowMs.peek())}, ${otherTimeText(ms)}`}>
      {durationText(nowMs.value - ms)}
    </time>
  );
}
