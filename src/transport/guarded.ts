/** Methods that ask a gate first: whoever calls is known before they run, and what they still do ends when that is withdrawn. */
import type { WatchpostError } from "../model/errors.ts";
import { isPushed, type PushedStream, type Take } from "../model/pushed-stream.ts";
import type { Admission, Gate } from "../wire/gate.ts";
import type { CallContext, MethodImpl, Principal } from "../wire/service.ts";

type Stream = AsyncIterable<unknown>;

export function nameOf({ method }: Pick<MethodImpl, "method">): string {
  return `${method.parent.typeName}/${method.name}`;
}

export function guarded(methods: readonly MethodImpl[], gate: Gate): MethodImpl[] {
  return methods.map((impl) => {
    const run = impl.run as (input: unknown, context: CallContext) => unknown;
    const name = nameOf(impl);
    const isStream = impl.kind === "server_streaming" || impl.kind === "bidi_streaming";
    const guardedRun = isStream
      ? (input: unknown, context: CallContext): Stream => {
          const admission = gate.admit(name, context);
          const begin = (admitted: Admission) => {
            const release = hold(admitted, context);
            return released(run(input, contextAs(admitted.principal, context)) as Stream, release);
          };
          if (!(admission instanceof Promise)) return begin(admission);
          const begun = admission.then(begin);
          // Nobody may be there any more to hear that it was refused.
          begun.catch(() => {});
          return later(begun);
        }
      : async (input: unknown, context: CallContext) => {
          const admission = await gate.admit(name, context);
          // One that does not stream ends by itself, and may be the very one that withdraws what it was taken for.
          const release = impl.kind === "unary" ? () => {} : hold(admission, context);
          try {
            return await run(input, contextAs(admission.principal, context));
          } finally {
            release();
          }
        };
    return { ...impl, run: guardedRun as never };
  });
}

/** The same call, of another principal. */
function contextAs(principal: Principal, context: CallContext): CallContext {
  return Object.create(context, { principal: { value: principal, enumerable: true } }) as CallContext;
}

function hold(admission: Admission, { cut, signal }: CallContext): () => void {
  // Whoever has left while it was found out who they are ends nothing any more.
  if (cut === undefined || signal.aborted) return () => {};
  const release = admission.hold((why: WatchpostError) => cut(why));
  signal.addEventListener("abort", release, { once: true });
  return () => {
    signal.removeEventListener("abort", release);
    release();
  };
}

/** Calls `release` once when it has ended, failed or was left. */
function released(stream: Stream, release: () => void): Stream {
  if (isPushed<unknown>(stream)) return { ...readThrough(stream, release), ...pushedThrough(stream, release) };
  return readThrough(stream, release);
}

function pushedThrough(stream: PushedStream<unknown>, release: () => void): PushedStream<unknown> {
  return { each: (take: Take<unknown>) => stream.each(take).finally(release) };
}

function readThrough(stream: Stream, release: () => void): Stream {
  return {
    [Symbol.asyncIterator]() {
      const items = stream[Symbol.asyncIterator]();
      return {
        next() {
          const next = items.next();
          next.then(({ done }) => done === true && release(), release);
          return next;
        },
        return() {
          release();
          return items.return?.() ?? Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}

/** Of one that is not there yet. */
async function* later(stream: Promise<Stream>): AsyncGenerator<unknown, void> {
  yield* await stream;
}
