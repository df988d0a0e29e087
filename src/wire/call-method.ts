/** Methods of the server called from within it: the very functions that the transports serve, with the context of whoever asks. */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import type { CallContext, MethodImpl } from "./service.ts";

/** Throws as the method does, and UNIMPLEMENTED where it cannot be called so. */
export type Commands = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  context: CallContext,
) => Promise<MessageShape<O>>;

/** Unary methods alone, and of these the ones that take and give messages, not bytes. */
export function commandsOf(methods: readonly MethodImpl[]): Commands {
  const served = new Map<DescMethod, MethodImpl>(methods.map((impl) => [impl.method, impl]));
  return async (method, request, context) => {
    const impl = served.get(method);
    if (impl?.kind !== "unary" || impl.raw !== undefined) {
      const name = `${method.parent.typeName}/${method.name}`;
      throw new WatchpostError("UNIMPLEMENTED", `${name} cannot be called from within: ${reasonOf(impl)}`);
    }
    return create(method.output, (await impl.run(create(method.input, request) as never, context)) as never);
  };
}

function reasonOf(impl: MethodImpl | undefined): string {
  if (impl === undefined) return "it is not served";
  return impl.kind === "unary" ? "it takes or gives bytes" : "it streams";
}
