/** The time as the server has it: a browser's clock may be minutes off, and charts that end now would then show nothing. */
import { signal } from "@preact/signals";
import { serverApi } from "../api.ts";
import { msOf } from "../format.ts";
import { nowMs } from "../now.ts";

/** Less than this is the way of an answer. */
const TOLD_FROM_MS = 2_000;
const READ_EVERY_MS = 300_000;
/** A clock that was set, or a laptop that slept. */
const JUMP_MS = 1_000;

/** How far the server's clock is before the browser's; 0 where they agree. */
export const clockOffsetMs = signal(0);

export function serverNowMs(): number {
  return Date.now() + clockOffsetMs.peek();
}

let started = false;

/** From the first chart on, for as long as the page lives. */
export function watchServerClock(): void {
  if (started) return;
  started = true;
  let [readAtMs, lead] = [-Infinity, 0];
  nowMs.subscribe((now) => {
    const [elapsedMs, leadNow] = [performance.now(), now - performance.now()];
    const hasJumped = Math.abs(leadNow - lead) > JUMP_MS;
    lead = leadNow;
    if (!hasJumped && elapsedMs - readAtMs < READ_EVERY_MS) return;
    readAtMs = elapsedMs;
    read().catch(() => (readAtMs = -Infinity));
  });
}

async function read(): Promise<void> {
  for await (const { time } of serverApi.watchStatus({})) {
    const offsetMs = (msOf(time) ?? Date.now()) - Date.now();
    clockOffsetMs.value = Math.abs(offsetMs) < TOLD_FROM_MS ? 0 : offsetMs;
    return;
  }
}
