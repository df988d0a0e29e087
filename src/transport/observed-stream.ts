/** A stream with somebody who hears how it is read, and that it has ended: the same items, read on or pushed as before. */
import { isPushed, type Take } from "../model/pushed-stream.ts";

type Stream = AsyncIterable<unknown>;

export interface StreamObserver {
  /** The next item is asked for. Not of what is pushed. */
  isTaken?(): void;
  /** An item is there, and goes to the reader. Not of what is pushed. */
  sends?(): void;
  /** It has ended, failed or was left; once or more often. */
  ended(error?: unknown): void;
}

export function observed(stream: Stream, observer: StreamObserver): Stream {
  const read = readThrough(stream, observer);
  if (!isPushed<unknown>(stream)) return read;
  const each = (take: Take<unknown>) => {
    const over = stream.each(take);
    over.then(
      () => observer.ended(),
      (error: unknown) => observer.ended(error),
    );
    return over;
  };
  return { ...read, each } as Stream;
}

function readThrough(stream: Stream, observer: StreamObserver): Stream {
  return {
    [Symbol.asyncIterator]() {
      const items = stream[Symbol.asyncIterator]();
      return {
        next() {
          observer.isTaken?.();
          const next = items.next();
          next.then(
            ({ done }) => (done === true ? observer.ended() : observer.sends?.()),
            (error: unknown) => observer.ended(error),
          );
          return next;
        },
        return() {
          observer.ended();
          return items.return?.() ?? Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}
