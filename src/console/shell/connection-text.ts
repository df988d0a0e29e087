/** What the page says of its connection. */
import { durationText } from "../format.ts";
import type { LinkState } from "../server-link.ts";

export interface StreamBreak {
  readonly sinceMs: number;
  readonly reason: string;
  readonly what: string;
}

export interface ConnectionText {
  /** Read out when it changes. */
  readonly what: string;
  /** Goes on with the clock, and is not read out. */
  readonly clock: string;
  readonly canTry: boolean;
  readonly isGrave: boolean;
}

/** A blink is not worth a word. */
const SAID_AFTER_MS = 1_500;
const NAMES_MAX = 3;

/** Undefined where there is nothing to say. */
export function connectionText(
  state: LinkState,
  streams: readonly StreamBreak[],
  nowMs: number,
): ConnectionText | undefined {
  if (state.kind === "connecting" || state.kind === "waiting") {
    if (nowMs - state.sinceMs < SAID_AFTER_MS) return undefined;
    const since = `for ${durationText(nowMs - state.sinceMs)}`;
    const next = state.kind === "waiting" ? `next try in ${durationText(state.untilMs - nowMs)}` : "trying now";
    const reason = state.reason === "" ? "" : `: ${state.reason}`;
    return {
      what: `Not live${reason}. What is shown is as it was then.`,
      ...{ clock: `(${since}; ${next})`, canTry: state.kind === "waiting", isGrave: true },
    };
  }
  const old = streams.filter(({ sinceMs }) => nowMs - sinceMs >= SAID_AFTER_MS);
  if (old.length > 0) {
    const names = [...new Set(old.map(({ what }) => what).filter((what) => what !== ""))];
    const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
    const which =
      names.length === 0 ? `${old.length} of the page's streams` : `${names.slice(0, NAMES_MAX).join(", ")}${more}`;
    return {
      what: `Not live: ${which}, because ${old[0].reason}.`,
      ...{ clock: `(for ${durationText(nowMs - old[0].sinceMs)}; trying again)`, canTry: false, isGrave: true },
    };
  }
  if (state.kind !== "plain") return undefined;
  return {
    what: `No WebSocket gets through to the server: a proxy may hold it back. Without it ${state.streamsMax} streams run at once, and others wait.`,
    ...{ clock: "", canTry: false, isGrave: false },
  };
}
