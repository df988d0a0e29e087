import { useEffect, useState } from "preact/hooks";
import { errorText, isCancelled } from "../../../errors.ts";

export interface ReadState<T> {
  /** What was read last; undefined: nothing yet. */
  readonly part: T | undefined;
  /** "": the last reading succeeded. */
  readonly failure: string;
}

const AGAIN_MS = 30_000;

/** Reads at once, when `inputs` change, and now and then while the page is seen. */
export function useRead<T>(
  read: (options: { signal: AbortSignal }) => Promise<T>,
  inputs: readonly unknown[],
): ReadState<T> {
  const [state, setState] = useState<ReadState<T>>({ part: undefined, failure: "" });
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const ask = async () => {
      try {
        const part = await read({ signal });
        if (!signal.aborted) setState({ part, failure: "" });
      } catch (error) {
        if (!signal.aborted && !isCancelled(error)) setState(({ part }) => ({ part, failure: errorText(error) }));
      }
    };
    void ask();
    const timer = setInterval(() => !document.hidden && void ask(), AGAIN_MS);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, inputs);
  return state;
}
