/**
 * Calls in the Connect protocol, binary alone: connect-web's transport also speaks JSON, and brings all that makes JSON of
 * messages with it, which is a tenth of what a page loads first.
 */
import { create, fromBinary, toBinary, type DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createEnvelopeReadableStream, encodeEnvelope } from "@connectrpc/connect/protocol";
import {
  endStreamFlag,
  endStreamFromJson,
  errorFromJson,
  validateResponse,
} from "@connectrpc/connect/protocol-connect";
import { KEEP_ALIVE_FLAG } from "../wire/keep-alive.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const VERSION = { "connect-protocol-version": "1" };
const UNARY = { ...VERSION, "content-type": "application/proto" };
const STREAM = { ...VERSION, "content-type": "application/connect+proto" };

/** Unary calls and server streams. Headers and deadlines are not sent: pages have none. */
export function connectCalls(base: string, fetch: Fetch): Transport {
  const ask = (method: { readonly parent: { readonly typeName: string }; readonly name: string }, init: RequestInit) =>
    fetch(`${base}/${method.parent.typeName}/${method.name}`, { method: "POST", ...init }).catch(rethrow);
  return {
    async unary(method, signal, _timeoutMs, _header, input) {
      const body = toBinary(method.input, create(method.input, input)) as Uint8Array<ArrayBuffer>;
      const response = await ask(method, { headers: UNARY, body, ...(signal && { signal }) });
      const { headers } = response;
      const { isUnaryError, unaryError } = validateResponse("unary", true, response.status, headers);
      if (isUnaryError) throw errorFromJson((await response.json().catch(rethrow)) as never, headers, unaryError);
      const bytes = await response.arrayBuffer().catch(rethrow);
      const message = fromBinary(method.output, new Uint8Array(bytes));
      return { stream: false, service: method.parent, method, header: headers, trailer: new Headers(), message };
    },
    async stream(method, signal, _timeoutMs, _header, input) {
      const { value } = await input[Symbol.asyncIterator]().next();
      const body = encodeEnvelope(0, toBinary(method.input, create(method.input, value))) as Uint8Array<ArrayBuffer>;
      const response = await ask(method, { headers: STREAM, body, ...(signal && { signal }) });
      const { headers } = response;
      validateResponse("server_streaming", true, response.status, headers);
      const message = messages(method.output, response.body!);
      return { stream: true, service: method.parent, method, header: headers, trailer: new Headers(), message };
    },
  };
}

/** Until it ends or its signal is aborted: whoever leaves a client's stream early does not end it. */
async function* messages<O extends DescMessage>(output: O, body: ReadableStream<Uint8Array>) {
  const reader = createEnvelopeReadableStream(body).getReader();
  while (true) {
    const { done, value } = await reader.read().catch(rethrow);
    if (done) throw new ConnectError("the stream has broken off", Code.Unavailable);
    if ((value.flags & KEEP_ALIVE_FLAG) !== 0) continue;
    if ((value.flags & endStreamFlag) === 0) {
      yield fromBinary(output, value.data);
      continue;
    }
    const { error } = endStreamFromJson(value.data);
    if (error !== undefined) throw error;
    return;
  }
}

/** What was aborted is cancelled, and so on. */
function rethrow(error: unknown): never {
  throw ConnectError.from(error);
}
