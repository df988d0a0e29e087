import type { WatchpostError } from "../model/errors.ts";
import { connectErrorOf } from "./connect-routes.ts";
import type { ReceivedBytes } from "./received-bytes.ts";

/**
 * The body of an HTTP request, as it arrives, counted among `received` until the request is answered: `close` is then
 * to be called. Fails when it is refused for the room it takes.
 */
export function countedBody(
  body: AsyncIterable<Uint8Array>,
  received: ReceivedBytes,
  onWhole: () => void,
  errorOf: (error: WatchpostError) => Error = connectErrorOf,
): { chunks: AsyncIterable<Uint8Array>; close(): void } {
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {});
  const holder = received.holder((error) => refused.reject(errorOf(error)));
  async function* chunks(): AsyncIterable<Uint8Array> {
    const source = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await Promise.race([source.next(), refused.promise]);
        if (next.done) return onWhole();
        holder.change(next.value.byteLength);
        yield next.value;
      }
    } finally {
      // Not awaited: a body that stopped arriving would never end.
      source.return?.()?.catch(() => {});
    }
  }
  return { chunks: chunks(), close: () => holder.close() };
}
