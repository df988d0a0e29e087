import { timeText } from "../../../format.ts";
import { serverNowMs } from "../../../now.ts";

/** Under what is drawn over time: its ends and its middle. */
export function TimeLine({ fromMs, toMs }: { fromMs: number; toMs: number }) {
  const nowMs = serverNowMs();
  return (
    <div class="dash-times dim" aria-hidden="true">
      {[fromMs, (fromMs + toMs) / 2, toMs].map((ms, i) => (
        <span key={i}>{timeText(ms, nowMs)}</span>
      ))}
    </div>
  );
}
