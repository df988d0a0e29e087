import { durationText, timeText } from "../format.ts";
import { nowMs } from "../now.ts";

/** A local time; UTC when it is pointed at. */
export function Time({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return <span>–</span>;
  const iso = new Date(ms).toISOString();
  return (
    <time dateTime={iso} title={iso.replace("T", " ").replace(/\.\d+Z$/, " UTC")}>
      {timeText(ms, nowMs.peek())}
    </time>
  );
}

/** How long ago. */
export function Age({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return <span>–</span>;
  const iso = new Date(ms).toISOString();
  return (
    <time dateTime={iso} title={iso.replace("T", " ").replace(/\.\d+Z$/, " UTC")}>
      {durationText(nowMs.value - ms)}
    </time>
  );
}
