import type { WatchpostError } from "../model/errors.ts";
import { connectErrorOf } from "./connect-routes.ts";
import type { ReceivedBytes } from "./received-bytes.ts";

export interface CountedBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** More, or with a negative number less, is held of what it became. Throws when it is, or was, refused for the room it takes. */
  count(bytes: number): void;
  close(): void;
}

/** What a connection's patience follows. */
export interface BodyArrival {
  /** Another {@link PROGRESS_BYTES} have arrived: its sender is slow, and sends. */
  onProgress(): void;
  /** It has arrived: its sender may be quiet from now on. */
  onWhole(): void;
}

/** A sender that makes fewer in a connection's timeout has stopped, or wants to hold the connection. */
export const PROGRESS_BYTES = 64 * 1024;

/**
 * The body of an HTTP request, as it arrives, counted among `received` until the request is answered: `close` is then
 * to be called. Fails when it is refused for the room it takes.
 */
export function countedBody(
  body: AsyncIterable<Uint8Array>,
  received: ReceivedBytes,
  { onProgress, onWhole }: BodyArrival,
  errorOf: (error: WatchpostError) => Error = connectErrorOf,
): CountedBody {
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {});
  let refusal: Error | undefined;
  const holder = received.holder((error) => refused.reject((refusal = errorOf(error))));
  const count = (bytes: number) => {
    holder.change(bytes);
    if (refusal !== undefined) throw refusal;
  };
  async function* chunks(): AsyncIterable<Uint8Array> {
    const source = body[Symbol.asyncIterator]();
    let progress = 0;
    try {
      for (;;) {
        const next = await Promise.race([source.next(), refused.promise]);
        if (next.done) return onWhole();
        const { byteLength } = next.value;
        holder.change(byteLength);
        if (progress + byteLength >= PROGRESS_BYTES) onProgress();
        progress = (progress + byteLength) % PROGRESS_BYTES;
        yield next.value;
      }
    } finally {
      // Not awaited: a body that stopped arriving would never end.
      source.return?.()?.catch(() => {});
    }
  }
  return { chunks: chunks(), count, close: () => holder.close() };
}
