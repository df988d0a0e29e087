/**
 * Answers that write themselves, over unary Connect: their bytes, or JSON in pieces between which the event loop turns.
 * Connect would make messages of them, and write all at once.
 */
import { createContextKey, createContextValues, type ContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { AnswerWriter } from "../wire/service.ts";

/** What a function answered; what it returned to Connect is empty then. */
const WRITER = createContextKey<AnswerWriter | undefined>(undefined);
/** Of bytes, or characters of JSON, sent at once. */
const CHUNK_LENGTH = 128 * 1024;
const HTTP_OK = 200;

export function answerWith(values: ContextValues, writer: AnswerWriter): void {
  values.set(WRITER, writer);
}

/** `handler`, but what was given to {@link answerWith} is the body. */
export function withAnswerWriters(handler: UniversalHandler): UniversalHandler {
  const answer = async (request: Parameters<UniversalHandler>[0]) => {
    const contextValues = request.contextValues ?? createContextValues();
    let isLeaving = false;
    try {
      const response = await handler({ ...request, contextValues });
      const writer = contextValues.get(WRITER);
      if (writer === undefined || response.status !== HTTP_OK) return response;
      const header = new Headers(response.header);
      header.delete("content-length");
      const isJson = header.get("content-type")?.startsWith("application/json");
      const body = isJson ? inChunks(writer.toJson()) : inSlices(writer.toBinary());
      isLeaving = true;
      return { ...response, header, body: withEnd(body, () => writer.release()) };
    } finally {
      if (!isLeaving) contextValues.get(WRITER)?.release();
    }
  };
  return Object.assign(answer, handler);
}

/** `onEnd` is called once there is no more, or nobody wants more; also where nobody ever began. */
function withEnd<T>(source: AsyncGenerator<T>, onEnd: () => void): AsyncIterable<T> {
  const ended = async (last: Promise<IteratorResult<T>>) => {
    try {
      const result = await last;
      if (result.done) onEnd();
      return result;
    } catch (error) {
      onEnd();
      throw error;
    }
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => ended(source.next()),
      return: () => ended(source.return(undefined)),
      // This is how Connect says that the reader has left.
      throw: (reason: unknown) => ended(source.throw(reason)),
    }),
  };
}

/** What is not taken stays here, and counts. */
async function* inSlices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_LENGTH) yield bytes.subarray(at, at + CHUNK_LENGTH);
}

async function* inChunks(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  const utf8 = new TextEncoder();
  let chunk = "";
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield utf8.encode(chunk);
    chunk = "";
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (chunk !== "") yield utf8.encode(chunk);
}
