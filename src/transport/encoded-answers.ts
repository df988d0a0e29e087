/**
 * Answers that are encoded already, over unary Connect: their bytes go out as they are, or as JSON in pieces between
 * which the event loop turns. Handed to Connect they would be taken apart and put together again, all at once.
 */
import { createContextKey, createContextValues, type ContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";

/** What a function answered, encoded; what it returned to Connect is empty then. */
const ENCODED = createContextKey<Uint8Array | undefined>(undefined);
/** Of JSON sent at once. */
const CHUNK_CHARACTERS_MIN = 128 * 1024;
const HTTP_OK = 200;

export function answerEncoded(values: ContextValues, bytes: Uint8Array): void {
  values.set(ENCODED, bytes);
}

/** `handler`, but what was given to {@link answerEncoded} is the body; `json`: its text, in pieces. */
export function withEncodedAnswers(
  handler: UniversalHandler,
  json: (bytes: Uint8Array) => Iterable<string>,
): UniversalHandler {
  const answer = async (request: Parameters<UniversalHandler>[0]) => {
    const contextValues = createContextValues();
    const response = await handler({ ...request, contextValues });
    const bytes = contextValues.get(ENCODED);
    if (bytes === undefined || response.status !== HTTP_OK) return response;
    const header = new Headers(response.header);
    header.delete("content-length");
    const isJson = header.get("content-type")?.startsWith("application/json");
    return { ...response, header, body: isJson ? inChunks(json(bytes)) : whole(bytes) };
  };
  return Object.assign(answer, handler);
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* inChunks(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  const utf8 = new TextEncoder();
  let chunk = "";
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK_CHARACTERS_MIN) continue;
    yield utf8.encode(chunk);
    chunk = "";
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (chunk !== "") yield utf8.encode(chunk);
}
