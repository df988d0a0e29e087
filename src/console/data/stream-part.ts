/** The beginning of a stream. */
import type { CallOptions } from "@connectrpc/connect";

/** Up to the message that is the last one wanted. The call is ended then, which leaving its stream would not do. */
export async function* partOf<M>(
  open: (options: CallOptions) => AsyncIterable<M>,
  { signal, ...options }: CallOptions,
  isLast: (message: M) => boolean,
): AsyncGenerator<M> {
  const over = new AbortController();
  try {
    const signals = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    for await (const message of open({ ...options, signal: signals })) {
      yield message;
      if (isLast(message)) return;
    }
  } finally {
    over.abort();
  }
}
