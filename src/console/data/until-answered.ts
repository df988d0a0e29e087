import { Code, ConnectError } from "@connectrpc/connect";

/** What may be answered when it is asked again: the server was away, or had too much to do. */
const PASSING = new Set([Code.Unavailable, Code.Unknown, Code.DeadlineExceeded, Code.Canceled, Code.ResourceExhausted]);

export function isPassing(error: unknown): boolean {
  return PASSING.has(ConnectError.from(error).code);
}

/** Asks until there is an answer, or an error that stays. `isReady` resolves when to ask, given how often it was in vain. Throws when it is not wanted any more. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  isReady: (asked: number) => Promise<void>,
): Promise<T> {
  for (let asked = 0; ; asked++) {
    await isReady(asked);
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
    }
  }
}
