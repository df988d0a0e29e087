/** Plain HTTP calls of other systems, transport-neutral: made by the features that answer them, served by the web server. */
import type { CallContext } from "./service.ts";

export interface HttpCall extends CallContext {
  readonly url: URL;
  readonly method: string;
  /**
   * The whole body, unpacked where it was packed. Throws INVALID_ARGUMENT where it cannot be read, RESOURCE_EXHAUSTED where it
   * is too large or there is no room for it.
   */
  body(): Promise<Uint8Array>;
}

export interface HttpRoute {
  /** For counts and for who may call it, such as "influx.write". */
  readonly name: string;
  readonly methods: readonly string[];
  readonly path: string;
  /** In a few words. */
  readonly summary: string;
  /** Errors are answered as {@link fail} does; what is thrown by mistake as 500. */
  run(call: HttpCall): Promise<Response>;
  /** How an error is said to clients of this kind. */
  fail(error: unknown, call: HttpCall): Response;
}
