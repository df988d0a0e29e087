import { ConnectError, type CallOptions } from "@connectrpc/connect";
import { tunnel } from "./api.ts";
import { streamBroke, streamRuns } from "./connection.ts";

const [BACKOFF_FIRST_MS, BACKOFF_MAX_MS] = [500, 10_000];

/** A stream that has nothing to say is believed to run after so long without an error. */
const SETTLED_MS = 1_000;

/**
 * Reads a stream for as long as it is wanted: where it breaks it is opened again, after a pause that doubles. `open` is
 * asked anew each time, so it goes on where it was if it knows where that is. Returns what stops it.
 */
export function follow<M>(
  open: (options: CallOptions) => AsyncIterable<M>,
  onMessage: (message: M) => void,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const onRuns = () => {
        attempt = 0;
        streamRuns(controller);
      };
      const settled = setInterval(() => tunnel.isOpen && onRuns(), SETTLED_MS);
      let reason = "the server has ended the stream";
      try {
        for await (const message of open({ signal })) {
          onRuns();
          onMessage(message);
        }
      } catch (error) {
        reason = ConnectError.from(error).rawMessage;
      }
      clearInterval(settled);
      if (signal.aborted) break;
      streamBroke(controller, reason);
      await pause(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt) * (0.5 + Math.random() / 2), signal);
    }
    streamRuns(controller);
  };
  void run();
  return () => controller.abort();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
