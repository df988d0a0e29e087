/**
 * Methods that one node runs for all: here where this is that node, otherwise passed on to it as whoever called, message by message.
 * When it becomes another one, streams end with UNAVAILABLE, and their clients go on behind their cursors.
 */
import { create, fromBinary, toBinary, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";
import { isNothingWritten } from "../../model/nothing-written.ts";
import type { CallContext, MethodImpl } from "../../wire/service.ts";
import type { Peers } from "./peers.ts";

export interface DeskSeat {
  /** Those of the desk that is here; undefined: it is elsewhere. */
  readonly here: ReadonlyMap<DescMethod, MethodImpl> | undefined;
  /** Where another node's desk is; undefined: nobody is known to have it. */
  readonly address: string | undefined;
  /** Why nobody may be known to have it; "": it is about to be taken. */
  readonly trouble?: string;
  /** Aborted when the desk is somewhere else. */
  readonly until: AbortSignal;
}

export interface ProxiedDeps {
  seat(): DeskSeat;
  readonly clock: Pick<Clock, "after" | "monotonicMs">;
  readonly peers: Pick<Peers, "unary" | "serverStreaming" | "bidi">;
}

const RETRY_AFTER_MS = 1_000;
/** Within that another node has taken the desk that one has given back; where one was killed it takes longer. */
const MOVING_MS = 5_000;

/** `raw`: as the desk's own method has it; its messages of that side are bytes. */
export function proxied(method: DescMethod, raw: Raw | undefined, deps: ProxiedDeps): MethodImpl {
  const pass = passing(method, raw, deps.peers);
  if (method.methodKind === "unary") return { kind: "unary", method, run: overMoves(method, pass, deps) } as MethodImpl;
  const run = (input: never, context: CallContext) => {
    const { here, address, trouble, until } = deps.seat();
    const impl = here?.get(method);
    if (here !== undefined && impl === undefined) throw new Error(`the desk has no ${method.name}`);
    const answer = (
      impl === undefined ? pass(addressIn(address, trouble), input, context) : runOf(impl)(input, context)
    ) as never;
    return untilMoved(answer, until);
  };
  return { kind: method.methodKind, method, ...(raw && { raw }), run } as MethodImpl;
}

/**
 * While the desk moves a call waits for it for a moment; and one that the desk here had begun, and of which nothing was written since it is
 * the desk no more, is passed on to the one that is.
 */
function overMoves(method: DescMethod, pass: ReturnType<typeof passing>, { seat, clock }: ProxiedDeps): Run {
  return async (input, context) => {
    const untilMs = clock.monotonicMs() + MOVING_MS;
    for (;;) {
      const { here, address, trouble = "", until } = seat();
      const leftMs = untilMs - clock.monotonicMs();
      const impl = here?.get(method);
      if (here !== undefined && impl === undefined) throw new Error(`the desk has no ${method.name}`);
      if (impl !== undefined) {
        try {
          return await runOf(impl)(input, context);
        } catch (error) {
          if (!isNothingWritten(error)) throw error;
          if (leftMs <= 0) throw hasMoved();
        }
      } else if (address !== undefined || trouble !== "" || leftMs <= 0) {
        return pass(addressIn(address, trouble), input, context);
      }
      await moved(until, leftMs, context.signal, clock);
      if (context.signal.aborted) throw new WatchpostError("CANCELLED", "the call was cancelled by its caller");
    }
  };
}

/** Resolves once the desk is somewhere else, at the latest after `ms`. */
async function moved(until: AbortSignal, ms: number, signal: AbortSignal, clock: ProxiedDeps["clock"]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const either = AbortSignal.any([until, signal]);
  if (either.aborted) resolve();
  either.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  cancel();
}

export type Raw = "output" | "both";

type Run = (input: never, context: CallContext) => unknown;

function runOf({ run }: MethodImpl): Run {
  return run as Run;
}

function passing(method: DescMethod, raw: Raw | undefined, peers: ProxiedDeps["peers"]) {
  const read = (bytes: Uint8Array) => (raw === undefined ? fromBinary(method.output, bytes) : bytes);
  const written = (message: never): Uint8Array => (raw === "both" ? message : bytesOf(method.input, message));
  const callOf = ({ signal, principal, peer }: CallContext) => ({ signal, caller: { principal, peer } });
  return (address: string, input: never, context: CallContext): unknown => {
    switch (method.methodKind) {
      case "unary":
        return peers.unary(address, method, written(input), callOf(context)).then(read);
      case "server_streaming":
        return eachOf(peers.serverStreaming(address, method, written(input), callOf(context)), read);
      case "bidi_streaming":
        return eachOf(peers.bidi(address, method, eachOf(input, written), callOf(context)), read);
      case "client_streaming":
        throw new Error(`${method.name} streams to the node that it is sent to`);
    }
  };
}

async function* eachOf<A, B>(messages: AsyncIterable<A>, change: (message: A) => B): AsyncGenerator<B, void> {
  for await (const message of messages) yield change(message);
}

/** What is left of a desk that is closed has nothing more to tell. */
async function* untilMoved(messages: AsyncIterable<unknown>, moved: AbortSignal): AsyncGenerator<unknown, void> {
  const source = messages[Symbol.asyncIterator]();
  const { promise: over, reject } = Promise.withResolvers<never>();
  over.catch(() => {});
  const onMoved = () => reject(hasMoved());
  if (moved.aborted) onMoved();
  moved.addEventListener("abort", onMoved, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([source.next(), over]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    moved.removeEventListener("abort", onMoved);
    void source.return?.();
  }
}

function addressIn(address: string | undefined, trouble = ""): string {
  if (address !== undefined) return address;
  const why = trouble === "" ? "one of them takes it within seconds" : trouble;
  const message = `no node that is reached from here runs alerts, devices and sessions at the moment: ${why}`;
  throw new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS });
}

function hasMoved(): WatchpostError {
  const message = "the desk has moved to another node: go on from the last cursor";
  return new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS });
}

function bytesOf(schema: DescMessage, message: never): Uint8Array {
  return toBinary(schema, create(schema, message));
}
