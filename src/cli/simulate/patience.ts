/** How long answers are waited for once nothing more is sent. */
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
  readonly ledger: Ledger;
  /** Ctrl-C: answers have {@link FLUSH_MS_MAX} from then on. */
  readonly stop: AbortSignal;
  /** When the last readings are due, Unix milliseconds; Infinity: none is the last. */
  readonly endMs: number;
  /** Without any answer after that. */
  readonly silenceMsMax: number;
  /** Called before `cut` aborts for silence. */
  onSilence(): void;
}

export function patience({ ledger, stop, endMs, silenceMsMax, onSilence }: PatienceOptions): Patience {
  const cut = new AbortController();
  let answers = ledger.answers;
  let heardAtMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    if (ledger.answers !== answers || ledger.unanswered === 0 || Date.now() < endMs) heardAtMs = nowMs;
    answers = ledger.answers;
    if (nowMs - heardAtMs < silenceMsMax || cut.signal.aborted) return;
    onSilence();
    cut.abort();
  }, CHECK_EVERY_MS);
  let flushing: ReturnType<typeof setTimeout> | undefined;
  stop.addEventListener("abort", () => (flushing = setTimeout(() => cut.abort(), FLUSH_MS_MAX)), { once: true });
  return {
    cut: cut.signal,
    close() {
      clearInterval(timer);
      clearTimeout(flushing);
    },
  };
}
