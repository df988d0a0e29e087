/** Streams over HTTP that show signs of life while they have nothing to say; see wire/keep-alive.ts. */
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { KEEP_ALIVE_EVERY_MS, KEEP_ALIVE_FLAG, KEEP_ALIVE_HEADER } from "../wire/keep-alive.ts";

const STREAM_TYPE = "application/connect+proto";
/** Refusals come before, and have an answer of their own. */
const BEGUN_AFTER_MS = 500;
const SIGN = new Uint8Array([KEEP_ALIVE_FLAG, 0, 0, 0, 0]);

export function wantsKeepAlive({ method }: UniversalHandler, { headers }: Request): boolean {
  const isStream = method.methodKind === "server_streaming" && headers.get("content-type") === STREAM_TYPE;
  return isStream && headers.has(KEEP_ALIVE_HEADER);
}

/** `answering`: in pieces that are whole envelopes. Begins soon, whenever that has anything to say. */
export async function keptAlive(answering: Promise<Response>, everyMs = KEEP_ALIVE_EVERY_MS): Promise<Response> {
  const begun = Promise.withResolvers<undefined>();
  const timer = setTimeout(begun.resolve, BEGUN_AFTER_MS);
  const answer = await Promise.race([answering, begun.promise]).finally(() => clearTimeout(timer));
  if (answer !== undefined && !isStream(answer)) return answer;
  const headers = answer?.headers ?? { "content-type": STREAM_TYPE, "x-accel-buffering": "no" };
  return new Response(withSigns(answering, answer === undefined, everyMs), { headers });
}

/** A reader that takes nothing gets no signs either. */
function withSigns(answering: Promise<Response>, isLate: boolean, everyMs: number): ReadableStream<Uint8Array> {
  let signs: ReturnType<typeof setInterval>;
  let opening: Promise<ReadableStreamDefaultReader<Uint8Array>> | undefined;
  const open = async () => {
    const answer = await answering;
    if (!isStream(answer)) throw new Error(`a stream was answered with HTTP ${answer.status}`);
    return answer.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // The head is sent with the first bytes.
      if (isLate) controller.enqueue(SIGN.slice());
      signs = setInterval(() => controller.desiredSize! > 0 && controller.enqueue(SIGN.slice()), everyMs);
    },
    async pull(controller) {
      try {
        const { done, value } = await (await (opening ??= open())).read();
        if (!done) return controller.enqueue(value);
        clearInterval(signs);
        controller.close();
      } catch (error) {
        clearInterval(signs);
        throw error;
      }
    },
    async cancel(reason) {
      clearInterval(signs);
      await (await (opening ??= open())).cancel(reason);
    },
  });
}

function isStream({ status, headers, body }: Response): boolean {
  return status === 200 && headers.get("content-type") === STREAM_TYPE && body !== null;
}
