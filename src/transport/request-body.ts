import type { WatchpostError } from "../model/errors.ts";
import { connectErrorOf } from "./connect-routes.ts";
import type { ReceivedBytes } from "./received-bytes.ts";

export interface CountedBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** More, or with a negative number less, is held of what it became. Throws when it is, or was, refused for the room it takes. */
  count(bytes: number): void;
  /** Whoever reads it gets that instead of what comes next. */
  refuse(error: Error): void;
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
  const refuse = (error: Error) => refused.reject((refusal = error));
  const holder = received.holder((error) => refuse(errorOf(error)));
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
  return { chunks: chunks(), count, refuse, close: () => holder.close() };
}

/** Of a body that nobody wants as much is read. */
const UNWANTED_BYTES_MAX = 1024 * 1024;
const UNWANTED_MS_MAX = 1_000;

/**
 * Reads what nobody has read of a request, within {@link UNWANTED_BYTES_MAX} and {@link UNWANTED_MS_MAX}: over HTTP/2 Bun resets a
 * stream whose answer ends before the body does, and clients, curl among them, then show the reset in place of the answer.
 */
export async function passOverUnread(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
  const reader = request.body.getReader();
  const late = Promise.withResolvers<{ done: true; value?: undefined }>();
  const timer = setTimeout(() => late.resolve({ done: true }), UNWANTED_MS_MAX);
  try {
    for (let bytes = 0; bytes < UNWANTED_BYTES_MAX;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return;
      bytes += value.byteLength;
    }
  } catch {
    // Whoever sent it is gone.
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
