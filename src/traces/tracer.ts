/**
 * Spans from their begin until a collector has them: sampled when their trace begins, queued in memory, sent in batches. What
 * does not fit is dropped and counted; nobody ever waits for a collector.
 */
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { Span } from "../model/span.ts";
import { INTERNAL, otlpSpans, SERVER, type EndedSpan } from "./otlp-spans.ts";
import { parseTraceParent } from "./trace-parent.ts";

export interface TracerDeps {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "traceSpans">;
  /** Of traces that begin here, 0 to 1. */
  readonly sample: number;
  readonly resource: Readonly<Record<string, string>>;
  /** Uniform in [0, 1). */
  random(): number;
  /** So many random bytes, in hex. */
  newId(bytes: number): string;
  /** Resolves with the HTTP status; rejects where nobody answered. */
  send(body: string, signal: AbortSignal): Promise<number>;
  /** Hears of a collector that takes nothing. */
  onTrouble(sentence: string): void;
}

export const SPANS_QUEUED_MAX = 2_048;
const SPANS_AT_ONCE = 512;
const SEND_EVERY_MS = 2_000;
const RETRY_AFTER_MS = 5_000;
const SEND_TIMEOUT_MS = 10_000;
const LAST_SEND_MS = 1_000;
const [TOO_MANY, FAILED] = [429, 500];

interface Beginning {
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
}

export class Tracer {
  readonly #deps: TracerDeps;
  readonly #queue: EndedSpan[] = [];
  #cancel: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #late = new AbortController();
  #isClosed = false;

  constructor(deps: TracerDeps) {
    this.#deps = deps;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** A call from outside. It goes on with the trace of its caller, and is told of where that one is; `traceParent`: its header. */
  server(name: string, traceParent: string | undefined): Span | undefined {
    const parent = parseTraceParent(traceParent);
    if (parent === undefined) return this.#root(name, SERVER);
    if (!parent.isSampled) return undefined;
    return this.#begin({ traceId: parent.traceId, parentSpanId: parent.spanId, name, kind: SERVER });
  }

  /** Work of the server's own. */
  own(name: string): Span | undefined {
    return this.#root(name, INTERNAL);
  }

  /** Sends what there is; a collector that does not answer has a second for what is on its way, and another one. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    const cancel = this.#deps.clock.after(LAST_SEND_MS, () => this.#late.abort());
    await this.#sending;
    cancel();
    if (this.#queue.length > 0) await this.#send(LAST_SEND_MS);
    this.#count("dropped", this.#queue.splice(0).length);
  }

  #root(name: string, kind: number): Span | undefined {
    const { sample, random, newId } = this.#deps;
    if (random() >= sample) return undefined;
    return this.#begin({ traceId: newId(16), parentSpanId: "", name, kind });
  }

  #begin(beginning: Beginning): Span {
    const { clock, newId } = this.#deps;
    const { traceId } = beginning;
    const spanId = newId(8);
    const beganAtMs = clock.nowMs();
    const beganMonotonicMs = clock.monotonicMs();
    const attributes = new Map<string, string | number>();
    return {
      child: (name) => this.#begin({ traceId, parentSpanId: spanId, name, kind: INTERNAL }),
      set: (name, value) => void attributes.set(name, value),
      end: (failure) => {
        const endedAtMs = beganAtMs + clock.monotonicMs() - beganMonotonicMs;
        this.#take({ ...beginning, spanId, beganAtMs, endedAtMs, attributes, failure });
      },
    };
  }

  #take(span: EndedSpan): void {
    if (this.#isClosed || this.#queue.length >= SPANS_QUEUED_MAX) return this.#count("dropped", 1);
    this.#queue.push(span);
    this.#sendAfter(SEND_EVERY_MS);
  }

  #sendAfter(delayMs: number): void {
    if (this.#isClosed || this.#cancel !== undefined || this.#sending !== undefined) return;
    this.#cancel = this.#deps.clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#sending = this.#send(SEND_TIMEOUT_MS).then((hasArrived) => {
        this.#sending = undefined;
        if (this.#queue.length > 0) this.#sendAfter(hasArrived ? nextInMs(this.#queue.length) : RETRY_AFTER_MS);
      });
    });
  }

  /** The oldest ones; they stay queued while nobody takes them. Never rejects. */
  async #send(timeoutMs: number): Promise<boolean> {
    const spans = this.#queue.slice(0, SPANS_AT_ONCE);
    const late = (this.#late = new AbortController());
    const cancel = this.#deps.clock.after(timeoutMs, () => late.abort());
    try {
      const status = await this.#deps.send(otlpSpans(spans, this.#deps.resource), late.signal);
      const isTaken = status >= 200 && status < 300;
      if (!isTaken) this.#deps.onTrouble(`the collector answered HTTP ${status}`);
      if (status === TOO_MANY || status >= FAILED) return false;
      this.#queue.splice(0, spans.length);
      this.#count(isTaken ? "sent" : "refused", spans.length);
      return true;
    } catch (error) {
      this.#deps.onTrouble(late.signal.aborted ? "the collector did not answer in time" : messageOf(error));
      return false;
    } finally {
      cancel();
    }
  }

  #count(result: string, spans: number): void {
    if (spans > 0) this.#deps.metrics.traceSpans.inc({ result }, spans);
  }
}

function nextInMs(queued: number): number {
  return queued >= SPANS_AT_ONCE ? 1 : SEND_EVERY_MS;
}
