/** Streams of what happens, over lost connections and restarts of the server: a new one goes on behind what was taken. */
import { fromBinary, toBinary, type DescMessage, type DescMethod, type MessageShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { errorOf } from "../wire/call-error.ts";
import type { CallOptions, Connection } from "./connection.ts";

type StreamOf<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

/**
 * What `read` makes of the messages of one stream, then of the next one, until `signal` aborts. `read` writes the cursor of what
 * was taken into `request`, which the next stream begins with; where the server can no longer go on behind it, it begins without.
 * Throws what cannot be retried.
 */
export async function* resumedStream<I extends DescMessage, O extends DescMessage, T>(
  connection: Connection,
  method: StreamOf<I, O>,
  request: MessageShape<I> & { cursor: string },
  read: (messages: AsyncIterable<MessageShape<O>>) => AsyncIterable<T>,
  options: CallOptions,
): AsyncGenerator<T, void> {
  const { signal } = options;
  for (let attempt = 1; !signal?.aborted; attempt++) {
    const call = connection.serverStream(method, toBinary(method.input, request));
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel);
    const messages = async function* () {
      for await (const bytes of call) {
        attempt = 1;
        yield fromBinary(method.output, bytes as Uint8Array);
      }
    };
    try {
      yield* read(messages());
      throw new WatchpostError("UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (signal?.aborted) return;
      const failure = errorOf(error);
      if (failure.status === "OUT_OF_RANGE" && request.cursor !== "") request.cursor = "";
      else {
        await connection.beforeRetry(failure, attempt, options).catch((final: unknown) => {
          if (!signal?.aborted) throw final;
        });
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
}
