import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Connection } from "./connection.ts";

export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 60_000;

/** One call with one answer, made once. Throws the server's status, DEADLINE_EXCEEDED where it takes longer than a minute. */
export async function ask<I extends DescMessage, O extends DescMessage>(
  connection: Connection,
  method: DescMethod & { input: I; output: O },
  request: MessageInitShape<I>,
  { signal, deadlineMs = DEADLINE_MS }: AskOptions,
): Promise<MessageShape<O>> {
  const bytes = toBinary(method.input, create(method.input, request));
  const options = { deadlineMs, ...(signal ? { signal } : {}) };
  return fromBinary(method.output, await connection.unary(method, bytes, options));
}
