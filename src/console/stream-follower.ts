/** A stream that is followed for as long as it is wanted, over whatever connection there is. */
import { Code, ConnectError, type CallOptions } from "@connectrpc/connect";
import { errorText } from "./errors.ts";

const [BACKOFF_FIRST_MS, BACKOFF_MAX_MS] = [500, 10_000];
/** A stream that ran for so long was a good one: after it the pauses begin anew. */
const HELD_MS = 10_000;
/** Nothing is believed that was not heard. */
const UNHEARD_MS = 5_000;
/** A stream that has nothing to say runs from its head on; that of a refusal is followed by it. */
const SETTLED_MS = 1_000;

/** What it goes over, and who hears how it is. */
export interface FollowMeans {
  /** Resolves when there is a connection, or the signal is aborted. */
  up(signal: AbortSignal): Promise<void>;
  isUp(): boolean;
  /** Why nothing may have come yet. */
  unheardReason(): string;
  onBroke(stream: object, reason: string): void;
  onRuns(stream: object): void;
}

/** A stream whose messages have cursors: it goes on behind the last one that was heard; where the server cannot, with all that stands. */
export interface ResumedStream<M extends { readonly cursor: string }> {
  /** All that stands is told anew. */
  begin?(): void;
  /** `cursor`: "" at a beginning. Passes its options on to the call. */
  open(cursor: string, options: CallOptions): AsyncIterable<M>;
  hear(message: M): void;
  /** For streams whose beginning has cursors, too: while it is not whole one cannot go on behind these. */
  isBeginning?(): boolean;
  /** It was not written down, so that it may never have been where the stream goes on: that begins anew. */
  isUnwritten?(message: M): boolean;
}

/** As a stream that is followed. */
export function resumed<M extends { readonly cursor: string }>({
  begin,
  open,
  hear,
  isBeginning,
  isUnwritten,
}: ResumedStream<M>) {
  let cursor = "";
  return {
    async *open(options: CallOptions): AsyncGenerator<M> {
      if (cursor === "") begin?.();
      try {
        yield* open(cursor, options);
      } catch (error) {
        // What is missed cannot be told any more: what stands is.
        if (ConnectError.from(error).code === Code.OutOfRange) cursor = "";
        throw error;
      }
    },
    hear(message: M): void {
      hear(message);
      if (isUnwritten?.(message) === true) cursor = "";
      else if (message.cursor !== "" && isBeginning?.() !== true) cursor = message.cursor;
    },
  };
}

/** Returns what stops it. `open` passes its options on to the call. */
export function followStream<M>(
  means: FollowMeans,
  open: (options: CallOptions) => AsyncIterable<M>,
  onMessage: (message: M) => void,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    let attempt = 0;
    while (true) {
      await means.up(signal);
      if (signal.aborted) break;
      const unheard = setTimeout(() => means.onBroke(controller, means.unheardReason()), UNHEARD_MS);
      let settled: ReturnType<typeof setTimeout> | undefined;
      let ranFromMs = Infinity;
      const runs = () => {
        clearTimeout(unheard);
        clearTimeout(settled);
        ranFromMs = Math.min(ranFromMs, Date.now());
        means.onRuns(controller);
      };
      const onHeader = () => {
        clearTimeout(unheard);
        settled = setTimeout(runs, SETTLED_MS);
      };
      // However it is left: by itself that ends no call.
      const over = new AbortController();
      let error = new ConnectError("the server has ended the stream");
      try {
        for await (const message of open({ signal: AbortSignal.any([signal, over.signal]), onHeader })) {
          runs();
          onMessage(message);
        }
      } catch (thrown) {
        error = ConnectError.from(thrown);
      }
      over.abort();
      clearTimeout(unheard);
      clearTimeout(settled);
      if (signal.aborted) break;
      means.onBroke(controller, errorText(error));
      if (Date.now() - ranFromMs >= HELD_MS) attempt = 0;
      // Together with all others when the connection comes back, and not at once where it is there.
      const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt++) * (0.5 + Math.random() / 2);
      if (means.isUp()) await pause(pauseMs, signal);
    }
    means.onRuns(controller);
  };
  void run();
  return () => controller.abort();
}

/** Ends early where it is not waited for any more. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
