/** Whoever looks on while calls are served: asked by the transports for every call that is taken. */
import type { DescMessage } from "@bufbuild/protobuf";
import type { CallContext, MethodImpl } from "./service.ts";

export interface BegunCall {
  /** "package.Service/Method", or the name of a route. */
  readonly name: string;
  readonly kind: MethodImpl["kind"];
  /** It streams to somebody who reads. What acknowledges points does not: its senders are thousands. */
  readonly isRead: boolean;
  /** The message that it came with, and its type; undefined: it streams them, or they are bytes. */
  readonly request?: unknown;
  readonly requestType?: DescMessage;
  readonly context: CallContext;
}

export interface WatchedCall {
  /** The context that the method gets. */
  readonly context: CallContext;
  /** The next message of a stream is there, and goes to its reader. */
  sends(): void;
  /** The reader has room for another one. */
  isTaken(): void;
  /** Once. `error`: what it failed with; undefined: nothing, or its reader left. */
  ended(error?: unknown): void;
}

export interface CallWatch {
  began(call: BegunCall): WatchedCall;
}
