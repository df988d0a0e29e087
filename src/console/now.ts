/**
 * What time it is. A browser's clock may be minutes off, and what the server answers, and what it is asked, goes by its own:
 * so the console goes by that. The browser's is for what only the browser does, such as trying to connect again.
 */
import { signal } from "@preact/signals";

/** Less than this is the way of an answer. */
const TOLD_FROM_MS = 2_000;

/** How far the server's clock is before the browser's; 0 where they agree. */
export const clockOffsetMs = signal(0);

/** The browser's clock, each second. */
export const browserNowMs = signal(Date.now());

/** The server's clock, each second. */
export const nowMs = signal(Date.now());

/** The server's clock, read now. */
export function serverNowMs(): number {
  return Date.now() + clockOffsetMs.peek();
}

/** What was found a moment ago about how far the server's clock is before the browser's. */
export function hearClock(offsetMs: number): void {
  // The same, as exactly as one can tell: times that are shown do not jump.
  if (Math.abs(offsetMs - clockOffsetMs.peek()) < TOLD_FROM_MS) return;
  clockOffsetMs.value = Math.abs(offsetMs) < TOLD_FROM_MS ? 0 : offsetMs;
  nowMs.value = serverNowMs();
}

setInterval(() => {
  browserNowMs.value = Date.now();
  nowMs.value = serverNowMs();
}, 1_000);
