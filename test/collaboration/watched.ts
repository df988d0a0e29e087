/** A server stream as its client has it, which can be cut. */
import type { CallContext, Principal } from "../../src/wire/service.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import type { Rig } from "./rig.ts";

export class Watched<T> {
  readonly got: T[] = [];
  /** "" while it goes on; "OK", or "STATUS: message". */
  ended = "";
  readonly #leave = new AbortController();

  constructor(rig: Rig, name: string, request: object, { principal }: { readonly principal: Principal }) {
    const impl = rig.collaboration.methods.find(({ method }) => method.localName === name)!;
    const run = impl.run as (request: unknown, context: CallContext) => AsyncIterable<T>;
    const cut = (error: WatchpostError) => {
      this.ended ||= `${error.status}: ${error.message}`;
      this.#leave.abort();
    };
    const context = { signal: this.#leave.signal, principal, headers: new Map(), peer: "test", cut };
    void this.#read(run(request, context));
  }

  leave(): void {
    this.#leave.abort();
  }

  async #read(stream: AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of stream) if (this.ended === "") this.got.push(item);
      this.ended ||= "OK";
    } catch (error) {
      this.ended ||= `${(error as WatchpostError).status}: ${(error as Error).message}`;
    }
  }
}
