import type { CallOptions } from "@connectrpc/connect";
import { link } from "./api.ts";
import { streamBroke, streamRuns } from "./connection.ts";
import { followStream, resumed, type ResumedStream } from "./stream-follower.ts";

export interface FollowOptions {
  /** What comes, as the page says it where it does not: "alerts". */
  readonly what?: string;
}

/**
 * Reads a stream for as long as it is wanted: where it breaks it is opened again, as soon as there is a connection, after a
 * pause that doubles. `open` is asked anew each time, so it goes on where it was if it knows where that is; it passes what it
 * is given on. Returns what stops it.
 */
export function follow<M>(
  open: (options: CallOptions) => AsyncIterable<M>,
  onMessage: (message: M) => void,
  { what = "" }: FollowOptions = {},
): () => void {
  const means = {
    up: (signal: AbortSignal) => link.up(signal),
    isUp: () => link.isUp,
    unheardReason: () =>
      link.state.peek().kind === "plain"
        ? "nothing came yet: it waits for its turn, or a proxy holds it back"
        : "the server has not answered yet",
    onBroke: (stream: object, reason: string) => streamBroke(stream, reason, what),
    onRuns: streamRuns,
  };
  return followStream(means, open, onMessage);
}

/** Returns what follows it, as `follow` does; where it is followed again it goes on where it was. */
export function following<M extends { readonly cursor: string }>(
  what: string,
  stream: ResumedStream<M>,
): () => () => void {
  const { open, hear } = resumed(stream);
  return () => follow(open, hear, { what });
}
