/**
 * How a service is written: once, transport-neutral, as functions over messages. The transports (native gRPC; Connect
 * and gRPC-Web) serve the same list of methods.
 */
import { EVERYTHING, type Role, type Scope } from "../model/access.ts";
import type { WatchpostError } from "../model/errors.ts";
import type { Allowance } from "./allowance.ts";
import type { PeerCertificate } from "../model/peer-certificate.ts";
import type { QueryCost } from "../model/slow-work.ts";
import type { Span } from "../model/span.ts";
import type { DescMethod, MessageInitShape, MessageShape, DescMessage } from "@bufbuild/protobuf";

/** Whoever a request is made as. */
export interface Principal {
  readonly name: string;
  /** Whether the name is proven. Names that somebody claims count only where it is not. */
  readonly isAuthenticated: boolean;
  readonly role: Role;
  /** What it may see and touch. */
  readonly scope: Scope;
  /** How the name is proven: "token", "session" of a browser, "jwt", "certificate", "node" of another one by itself; "": it is not. */
  readonly via: string;
  /** From then on it is nobody's any more; Infinity: never. */
  readonly expiresAtMs: number;
}

/** Whoever calls a server that asks nobody who they are. */
export const ANONYMOUS: Principal = {
  name: "anonymous",
  isAuthenticated: false,
  role: "admin",
  scope: EVERYTHING,
  via: "",
  expiresAtMs: Infinity,
};

/** What this server does by itself. */
export const THE_SERVER: Principal = { ...ANONYMOUS, name: "watchpost", isAuthenticated: true };

export interface CallContext {
  /** Aborted when the client leaves, its deadline passes or the server shuts down. */
  readonly signal: AbortSignal;
  readonly principal: Principal;
  /** What whoever calls may still use up; left out: as much as it likes. */
  readonly allowance?: Allowance;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Address of the client, without its port. */
  readonly peer: string;
  /** Verified, of its connection: over gRPC, where the client has shown one. Over HTTP the platform does not tell it. */
  readonly certificate?: PeerCertificate;
  /** Where somebody looks on: what the call asks of the store is counted in it. */
  readonly cost?: QueryCost;
  /** Where the call is traced. */
  readonly span?: Span;
  /** Ends a call that streams with an error at once, also where its client reads nothing of it; where the transport can. */
  cut?(error: WatchpostError): void;
}

/** An answer that its function has not written yet: the transport says how, and only that is done. */
export interface AnswerWriter {
  toBinary(): Uint8Array;
  /** The text, in pieces. */
  toJson(): Iterable<string>;
  /** To be called when the answer has left, or is not wanted any more: gives its memory back. Once or more often. */
  release(): void;
}

type Desc<I extends DescMessage, O extends DescMessage, K> = DescMethod & { input: I; output: O; methodKind: K };

/**
 * One method and its function. Where `raw` is set, the named side is protobuf bytes instead of message objects: the
 * hot upload path is decoded to columns, and live updates are encoded once for many readers. A raw output that is no
 * stream is an {@link AnswerWriter}. "both": a message that cannot be read is the function's to refuse.
 */
export type MethodImpl =
  | {
      kind: "unary";
      method: DescMethod;
      raw?: "input" | "output";
      run(request: never, context: CallContext): Promise<unknown>;
    }
  | {
      kind: "server_streaming";
      method: DescMethod;
      raw?: "output";
      run(request: never, context: CallContext): AsyncIterable<unknown>;
    }
  | {
      kind: "client_streaming";
      method: DescMethod;
      raw?: "input";
      run(requests: AsyncIterable<never>, context: CallContext): Promise<unknown>;
    }
  | {
      kind: "bidi_streaming";
      method: DescMethod;
      raw?: "input" | "both";
      run(requests: AsyncIterable<never>, context: CallContext): AsyncIterable<unknown>;
    };

export function unary<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "unary">,
  run: (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "unary", method, run: run as never };
}

export function rawUnary<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "unary">,
  run: (request: Uint8Array, context: CallContext) => Promise<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "unary", method, raw: "input", run: run as never };
}

/** The function answers with what writes a message of the method's output. */
export function writingUnary<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "unary">,
  run: (request: MessageShape<I>, context: CallContext) => Promise<AnswerWriter>,
): MethodImpl {
  return { kind: "unary", method, raw: "output", run: run as never };
}

export function serverStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "server_streaming">,
  run: (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "server_streaming", method, run: run as never };
}

/** The function yields encoded messages of the method's output. */
export function rawServerStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "server_streaming">,
  run: (request: MessageShape<I>, context: CallContext) => AsyncIterable<Uint8Array>,
): MethodImpl {
  return { kind: "server_streaming", method, raw: "output", run: run as never };
}

export function rawClientStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "client_streaming">,
  run: (requests: AsyncIterable<Uint8Array>, context: CallContext) => Promise<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "client_streaming", method, raw: "input", run: run as never };
}

export function bidiStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "bidi_streaming">,
  run: (requests: AsyncIterable<MessageShape<I>>, context: CallContext) => AsyncIterable<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "bidi_streaming", method, run: run as never };
}

export function rawBidiStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "bidi_streaming">,
  run: (requests: AsyncIterable<Uint8Array>, context: CallContext) => AsyncIterable<MessageInitShape<O>>,
): MethodImpl {
  return { kind: "bidi_streaming", method, raw: "input", run: run as never };
}

/** The function takes and yields encoded messages. */
export function allRawBidiStreaming<I extends DescMessage, O extends DescMessage>(
  method: Desc<I, O, "bidi_streaming">,
  run: (requests: AsyncIterable<Uint8Array>, context: CallContext) => AsyncIterable<Uint8Array>,
): MethodImpl {
  return { kind: "bidi_streaming", method, raw: "both", run: run as never };
}
