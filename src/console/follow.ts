import { ConnectError, type CallOptions } from "@connectrpc/connect";
import { link } from "./api.ts";
import { streamBroke, streamRuns } from "./connection.ts";
import { errorText } from "./errors.ts";

const [BACKOFF_FIRST_MS, BACKOFF_MAX_MS] = [500, 10_000];

/** A stream that has nothing to say is believed to run after so long without an error: its answer begins with its first message. */
const SETTLED_MS = 1_000;

/** Through a proxy without WebSockets nothing is believed that was not heard. */
const UNHEARD_MS = 5_000;
const UNHEARD = "nothing came yet: it waits for its turn, or a proxy holds it back";

export interface FollowOptions {
  /** What comes, as the page says it where it does not: "alerts". */
  readonly what?: string;
  /** Each time it breaks, before it is opened again: a cursor that the server does not know (OUT_OF_RANGE) is to be forgotten. */
  onBreak?(error: ConnectError): void;
}

/**
 * Reads a stream for as long as it is wanted: where it breaks it is opened again, as soon as there is a connection, after a
 * pause that doubles. `open` is asked anew each time, so it goes on where it was if it knows where that is; it passes what it
 * is given on. Returns what stops it.
 */
export function follow<M>(
  open: (options: CallOptions) => AsyncIterable<M>,
  onMessage: (message: M) => void,
  { what = "", onBreak }: FollowOptions = {},
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    let attempt = 0;
    const onRuns = () => {
      attempt = 0;
      streamRuns(controller);
    };
    while (true) {
      await link.up(signal);
      if (signal.aborted) break;
      const onUnheard = () => streamBroke(controller, UNHEARD, what);
      const settled =
        link.state.peek().kind === "plain" ? setTimeout(onUnheard, UNHEARD_MS) : setTimeout(onRuns, SETTLED_MS);
      let error = new ConnectError("the server has ended the stream");
      try {
        for await (const message of open({ signal })) {
          clearTimeout(settled);
          onRuns();
          onMessage(message);
        }
      } catch (thrown) {
        error = ConnectError.from(thrown);
      }
      clearTimeout(settled);
      if (signal.aborted) break;
      streamBroke(controller, errorText(error), what);
      onBreak?.(error);
      // Together with all others when the connection comes back, and not at once where it is there.
      const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt++) * (0.5 + Math.random() / 2);
      if (link.isUp) await pause(pauseMs, signal);
    }
    streamRuns(controller);
  };
  void run();
  return () => controller.abort();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
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
