/**
 * Methods that ask a gate first: whoever calls is known before they run, and what they still do ends when that is withdrawn. A transport
 * that can asks before it reads what is asked: nothing is received and read for those who may not ask it.
 */
import type { WatchpostError } from "../model/errors.ts";
import type { Allowance } from "../wire/allowance.ts";
import type { Admission, Gate } from "../wire/gate.ts";
import type { CallContext, MethodImpl } from "../wire/service.ts";
import { observed } from "./observed-stream.ts";

type Stream = AsyncIterable<unknown>;

/** Of a call for which the gate was asked already. */
export interface AskedContext extends CallContext {
  /** Rejects with why it was refused. */
  readonly admission?: Admission | Promise<Admission> | undefined;
}

export function nameOf({ method }: Pick<MethodImpl, "method">): string {
  return `${method.parent.typeName}/${method.name}`;
}

export function guarded(methods: readonly MethodImpl[], gate: Gate): MethodImpl[] {
  return methods.map((impl) => {
    const run = impl.run as (input: unknown, context: CallContext) => unknown;
    const name = nameOf(impl);
    const isStream = impl.kind === "server_streaming" || impl.kind === "bidi_streaming";
    const guardedRun = isStream
      ? (input: unknown, context: AskedContext): Stream => {
          const admission = context.admission ?? gate.admit(name, context);
          const begin = (admitted: Admission) => {
            const release = hold(admitted, impl.kind, context);
            return observed(run(input, contextAs(admitted, context)) as Stream, { ended: release });
          };
          if (!(admission instanceof Promise)) return begin(admission);
          const begun = admission.then(begin);
          // Nobody may be there any more to hear that it was refused.
          begun.catch(() => {});
          return later(begun);
        }
      : async (input: unknown, context: AskedContext) => {
          const admission = await (context.admission ?? gate.admit(name, context));
          // One that does not stream ends by itself, and may be the very one that withdraws what it was taken for.
          const release = impl.kind === "unary" ? () => {} : hold(admission, impl.kind, context);
          try {
            return await run(input, contextAs(admission, context));
          } finally {
            release();
          }
        };
    return { ...impl, run: guardedRun as never };
  });
}

/** The same call, of whoever was admitted. */
function contextAs({ principal, allowance, peer }: Admission, context: CallContext): CallContext {
  return Object.create(context, {
    ...(peer !== undefined && { peer: { value: peer, enumerable: true } }),
    principal: { value: principal, enumerable: true },
    allowance: { value: allowance, enumerable: true },
    // It was for this call, not for those that this one makes.
    admission: { value: undefined },
  }) as CallContext;
}

/** Of a call that streams: returns what ends that, once or more often. Throws RESOURCE_EXHAUSTED where there are too many. */
function hold(admission: Admission, kind: MethodImpl["kind"], { cut, signal }: CallContext): () => void {
  // Whoever has left while it was found out who they are ends nothing any more.
  if (signal.aborted) return () => {};
  const ends = held(admission.allowance, kind);
  if (cut !== undefined) ends.push(admission.hold((why: WatchpostError) => cut(why)));
  const release = () => {
    signal.removeEventListener("abort", release);
    for (const end of ends.splice(0)) end();
  };
  signal.addEventListener("abort", release, { once: true });
  return release;
}

function held(allowance: Allowance | undefined, kind: MethodImpl["kind"]): (() => void)[] {
  if (allowance === undefined) return [];
  const ends = [allowance.hold("streams")];
  try {
    if (kind === "server_streaming") ends.push(allowance.hold("subscriptions"));
  } catch (error) {
    ends[0]();
    throw error;
  }
  return ends;
}

/** Of one that is not there yet. */
async function* later(stream: Promise<Stream>): AsyncGenerator<unknown, void> {
  yield* await stream;
}
