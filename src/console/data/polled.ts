/** What the server has no stream of: asked for again while somebody looks. */
import { useEffect, useRef, useState } from "preact/hooks";
import { failureText } from "../errors.ts";
import { poll } from "./poll.ts";

export interface Polled<T> {
  /** Undefined: not read yet. */
  readonly value: T | undefined;
  /** Why it could not be read the last time, and whether it is tried again; "": it could. */
  readonly failure: string;
  /** Asks now. */
  refresh(): void;
}

export interface PolledOptions {
  readonly everyMs: number;
  /** Only until it could be read. */
  readonly isOnce?: boolean;
  /** Another one: what was read before is forgotten. */
  readonly key?: string;
  /** Asks at once when one of these is another; what was read stays meanwhile. As many each time. */
  readonly inputs?: readonly unknown[];
}

/** Hidden pages do not ask. What was read stays when it cannot be read again. */
export function usePolled<T>(
  ask: (options: { signal: AbortSignal }) => Promise<T>,
  { everyMs, isOnce = false, key = "", inputs = [] }: PolledOptions,
): Polled<T> {
  const [read, setRead] = useState<{ readonly key: string; readonly value: T | undefined; readonly failure: string }>();
  const refresh = useRef(() => {});
  useEffect(() => {
    const over = new AbortController();
    const { signal } = over;
    refresh.current = poll({
      ask: () => ask({ signal }),
      onAnswer: (value) => setRead({ key, value, failure: "" }),
      onFailure: (error) =>
        setRead((before) => ({
          key,
          value: before?.key === key ? before.value : undefined,
          failure: failureText(error),
        })),
      ...{ everyMs, isOnce, signal, page: document },
    });
    return () => over.abort();
  }, [everyMs, isOnce, key, ...inputs]);
  const isPresent = read?.key === key;
  return {
    value: isPresent ? read.value : undefined,
    failure: isPresent ? read.failure : "",
    refresh: () => refresh.current(),
  };
}
