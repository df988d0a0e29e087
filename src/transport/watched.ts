/** Methods that tell a {@link CallWatch} of each call: its begin, how its reader keeps up, its end. */
import type { CallWatch } from "../wire/call-watch.ts";
import type { CallContext, MethodImpl } from "../wire/service.ts";
import { nameOf } from "./guarded.ts";
import { observed } from "./observed-stream.ts";

type Stream = AsyncIterable<unknown>;

/** Inside of a gate, where it is known who calls. `watch` undefined: nobody looks on. */
export function watched(methods: readonly MethodImpl[], watch: CallWatch | undefined): MethodImpl[] {
  if (watch === undefined) return [...methods];
  return methods.map((impl) => {
    const { kind, method } = impl;
    const run = impl.run as (input: unknown, context: CallContext) => unknown;
    const isInputKnown = (kind === "unary" || kind === "server_streaming") && impl.raw !== "input";
    const isRead = kind === "server_streaming" || (kind === "bidi_streaming" && impl.raw !== "input");
    const told = { name: nameOf(impl), kind, isRead, requestType: method.input };
    const begin = (input: unknown, context: CallContext) =>
      watch.began({ ...told, request: isInputKnown ? input : undefined, context });
    const watchedRun =
      kind === "server_streaming" || kind === "bidi_streaming"
        ? (input: unknown, context: CallContext) => {
            const call = begin(input, context);
            try {
              return observed(run(input, call.context) as Stream, call);
            } catch (error) {
              call.ended(error);
              throw error;
            }
          }
        : async (input: unknown, context: CallContext) => {
            const call = begin(input, context);
            try {
              const output = await run(input, call.context);
              call.ended();
              return output;
            } catch (error) {
              call.ended(error);
              throw error;
            }
          };
    return { ...impl, run: watchedRun as never };
  });
}
