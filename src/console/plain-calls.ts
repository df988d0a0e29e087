/**
 * Calls of the page as plain requests, where a proxy lets no WebSocket through. Of streams few run at once: over HTTP/1.1
 * a browser has six connections to a server, for all its tabs together, and one that is used up answers nothing any more.
 */

const STREAM_TYPE = "application/connect+proto";

export class PlainCalls {
  readonly streamsMax: number;
  readonly #fetch: (request: Request) => Promise<Response>;
  /** The first of them is the next. */
  readonly #waiting = new Set<() => void>();
  #streams = 0;

  constructor(streamsMax: number, fetch: (request: Request) => Promise<Response>) {
    this.streamsMax = streamsMax;
    this.#fetch = fetch;
  }

  /** A stream waits until there is room for it. */
  readonly fetch = async (request: Request): Promise<Response> => {
    if (request.headers.get("content-type") !== STREAM_TYPE) return this.#fetch(request);
    const leave = await this.#enter(request.signal);
    try {
      const response = await this.#fetch(request);
      if (response.body === null) leave();
      else {
        const ended = new TransformStream<Uint8Array, Uint8Array>({ flush: leave });
        request.signal.addEventListener("abort", leave);
        const passed = response.body.pipeTo(ended.writable, { signal: request.signal });
        passed.then(leave, leave);
        return new Response(ended.readable, response);
      }
      return response;
    } catch (error) {
      leave();
      throw error;
    }
  };

  /** Resolves with what gives the room back, once, and to whoever waits for longest. */
  async #enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#streams < this.streamsMax) this.#streams++;
    else {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        const left = () => this.#waiting.delete(resolve) && reject(signal.reason);
        signal.addEventListener("abort", left, { once: true });
      });
    }
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const [next] = this.#waiting;
      if (next === undefined) this.#streams--;
      else if (this.#waiting.delete(next)) next();
    };
  }
}
