/**
 * Asks again and again: one question at a time, the next one a while after the answer, none while nobody looks, and none
 * after a refusal that stays.
 */
import { isFinal } from "../errors.ts";

export interface Poll<T> {
  ask(signal: AbortSignal): Promise<T>;
  onAnswer(answer: T): void;
  /** It goes on all the same, unless that {@link isFinal}. */
  onFailure(error: unknown): void;
  readonly everyMs: number;
  /** Only until the first answer. */
  readonly isOnce?: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The document. */
  readonly page: Page;
}

export interface Page {
  readonly hidden: boolean;
  addEventListener(
    type: "visibilitychange",
    listener: () => void,
    options: { readonly once: boolean; readonly signal: AbortSignal },
  ): void;
}

/** Returns what asks now, whatever is under way: the answer to an older question is then left out. */
export function poll<T>({ ask, onAnswer, onFailure, everyMs, isOnce, signal, page }: Poll<T>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;
  const run = async () => {
    clearTimeout(timer);
    const nth = ++asked;
    const isWanted = () => nth === asked && !signal.aborted;
    try {
      const answer = await ask(signal);
      if (!isWanted()) return;
      onAnswer(answer);
      if (isOnce) return;
    } catch (error) {
      if (!isWanted()) return;
      onFailure(error);
      if (isFinal(error)) return;
    }
    timer = setTimeout(soon, everyMs);
  };
  const soon = () => {
    if (!page.hidden) return void run();
    page.addEventListener("visibilitychange", () => void run(), { once: true, signal });
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  void run();
  return () => void run();
}
