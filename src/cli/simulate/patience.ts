/** How long answers are waited for once nothing more is sent. */
import type { Clock } from "../../model/clock.ts";
import type { Ledger } from "./ledger.ts";

/** Answers to what was sent before Ctrl-C. */
export const FLUSH_MS_MAX = 10_000;
const CHECK_EVERY_MS = 500;

export interface Patience {
  /** Aborts when answers are waited for no longer. */
  readonly cut: AbortSignal;
  close(): void;
}

export interface PatienceOptions {
  readonly ledger: Pick<Ledger, "answers" | "unanswered">;
  readonly clock: Clock;
  /** Ctrl-C: answers have {@link FLUSH_MS_MAX} from then on. */
  readonly stop: AbortSignal;
  /** When the last readings are due, Unix milliseconds; Infinity: none is the last. */
  readonly endMs: number;
  /** Without any answer after that. */
  readonly silenceMsMax: number;
  /** Called before `cut` aborts for silence. */
  onSilence(): void;
}

export function patience({ ledger, clock, stop, endMs, silenceMsMax, onSilence }: PatienceOptions): Patience {
  const cut = new AbortController();
  let answers = ledger.answers;
  let heardAtMs = clock.monotonicMs();
  let cancelCheck = () => {};
  let cancelFlush = () => {};
  const check = () => {
    const nowMs = clock.monotonicMs();
    if (ledger.answers !== answers || ledger.unanswered === 0 || clock.nowMs() < endMs) heardAtMs = nowMs;
    answers = ledger.answers;
    if (nowMs - heardAtMs < silenceMsMax) return checkSoon();
    onSilence();
    cut.abort();
  };
  const checkSoon = () => void (cancelCheck = clock.after(CHECK_EVERY_MS, check));
  const flush = () => void (cancelFlush = clock.after(FLUSH_MS_MAX, () => cut.abort()));
  checkSoon();
  stop.addEventListener("abort", flush, { once: true });
  return {
    cut: cut.signal,
    close() {
      stop.removeEventListener("abort", flush);
      cancelCheck();
      cancelFlush();
    },
  };
}
