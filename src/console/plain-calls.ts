/**
 * Calls of the page as plain requests, where a proxy lets no WebSocket through. Of streams few run at once: over HTTP/1.1
 * a browser has six connections to a server, over HTTP/2 one on which proxies let about a hundred requests run, for all its tabs
 * together; and one that is used up answers nothing any more.
 */
import { KEEP_ALIVE_HEADER } from "../wire/keep-alive.ts";
import { SLOTS_MAX, type StreamSlots } from "./stream-slots.ts";

const STREAM_TYPE = "application/connect+proto";
const KEEP_EVERY_MS = 20_000;
/** Nobody says when another tab has left. */
const LOOK_EVERY_MS = 1_000;

export class PlainCalls {
  readonly streamsMax: number;
  readonly #fetch: (request: Request) => Promise<Response>;
  readonly #slotsMax: number;
  readonly #slots: Pick<StreamSlots, "take" | "giveBack" | "keep"> | undefined;
  readonly #over = new AbortController();
  /** The first of them is the next. */
  readonly #waiting = new Set<() => void>();
  #streams = 0;
  #heardMs = Date.now();
  #keeping: ReturnType<typeof setInterval> | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;

  /** `slots`: that it shares with other tabs, as many as `slotsMax` of all together. */
  constructor(
    streamsMax: number,
    fetch: (request: Request) => Promise<Response>,
    slots?: Pick<StreamSlots, "take" | "giveBack" | "keep">,
    slotsMax = SLOTS_MAX,
  ) {
    [this.streamsMax, this.#fetch, this.#slots, this.#slotsMax] = [streamsMax, fetch, slots, slotsMax];
  }

  /** A stream waits until there is room for it. */
  readonly fetch = async (asked: Request): Promise<Response> => {
    const request = new Request(asked, { signal: AbortSignal.any([asked.signal, this.#over.signal]) });
    if (request.headers.get("content-type") !== STREAM_TYPE) return this.#ask(request);
    request.headers.set(KEEP_ALIVE_HEADER, "1");
    const leave = await this.#enter(request.signal);
    try {
      const response = await this.#ask(request);
      if (response.body === null) leave();
      else {
        const transform = (chunk: Uint8Array, to: TransformStreamDefaultController<Uint8Array>) => {
          this.#heardMs = Date.now();
          to.enqueue(chunk);
        };
        const ended = new TransformStream<Uint8Array, Uint8Array>({ transform, flush: leave });
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

  /** When anything came of any of them. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** All of them fail, as where a connection breaks. */
  close(reason: string): void {
    this.#over.abort(new TypeError(reason));
  }

  async #ask(request: Request): Promise<Response> {
    const response = await this.#fetch(request);
    this.#heardMs = Date.now();
    return response;
  }

  /** Resolves with what gives the room back, once, and to whoever waits for longest. */
  async #enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (!this.#take()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        const left = () => this.#waiting.delete(resolve) && reject(signal.reason);
        signal.addEventListener("abort", left, { once: true });
        this.#letIn();
      });
    }
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#slots?.giveBack();
      if (--this.#streams === 0) clearInterval(this.#keeping);
      this.#letIn();
    };
  }

  #take(): boolean {
    if (this.#streams >= this.streamsMax || this.#slots?.take(this.#slotsMax) === false) return false;
    if (++this.#streams === 1) this.#keeping = setInterval(() => this.#slots?.keep(), KEEP_EVERY_MS);
    return true;
  }

  #letIn(): void {
    clearTimeout(this.#looking);
    for (const resolve of this.#waiting) {
      if (!this.#take()) break;
      this.#waiting.delete(resolve);
      resolve();
    }
    if (this.#waiting.size > 0 && this.#slots !== undefined)
      this.#looking = setTimeout(() => this.#letIn(), LOOK_EVERY_MS);
  }
}
