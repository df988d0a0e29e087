/** Whether there is a server at all: asked before anything is sent to it, and before it is asked what it has stored. */
import { ask } from "../../client/ask.ts";
import { formatDurationMs } from "../../model/duration.ts";
import { WatchpostError } from "../../model/errors.ts";
import { errorOf } from "../../wire/call-error.ts";
import { Health } from "../../wire/gen/grpc/health/v1/health_pb.ts";
import { connectTo } from "../client-flags.ts";

const ATTEMPT_MS_MAX = 2_000;
const PAUSE_MS = 200;

/**
 * Resolves once it answers, whatever it says. Throws UNAVAILABLE with what was tried where it has not within `waitMs`, and what no
 * waiting changes at once; CANCELLED when `signal` aborts.
 */
export async function reachServer(server: string, waitMs: number, signal: AbortSignal): Promise<void> {
  const connection = connectTo(server);
  const endMs = performance.now() + waitMs;
  try {
    for (;;) {
      const failure = await attempt(Math.min(ATTEMPT_MS_MAX, Math.max(PAUSE_MS, endMs - performance.now())));
      if (signal.aborted) throw new WatchpostError("CANCELLED", `${server} was not waited for any longer`);
      if (failure === undefined) return;
      if (performance.now() >= endMs) {
        // What gRPC tells of a deadline is how it spent it.
        const why = failure.status === "DEADLINE_EXCEEDED" ? "no answer" : failure.message;
        const tried = `${server} does not answer; tried for ${formatDurationMs(waitMs)}: ${why}`;
        throw new WatchpostError("UNAVAILABLE", tried, { cause: failure });
      }
      await Bun.sleep(PAUSE_MS);
    }
  } finally {
    connection.close();
  }

  async function attempt(deadlineMs: number): Promise<WatchpostError | undefined> {
    try {
      await ask(connection, Health.method.check, {}, { deadlineMs, signal });
      return undefined;
    } catch (error) {
      const failure = errorOf(error);
      if (failure.status === "UNIMPLEMENTED") return undefined;
      if (failure.status === "FAILED_PRECONDITION") throw failure;
      return failure;
    }
  }
}
