/** Spans as OTLP/HTTP takes them, in JSON. */
export const [INTERNAL, SERVER] = [1, 2];
const [STATUS_UNSET, STATUS_ERROR] = [0, 2];

export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** "": it has none. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  /** Unix milliseconds, with decimals. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: ReadonlyMap<string, string | number>;
  readonly failure: string | undefined;
}

export function otlpSpans(spans: readonly EndedSpan[], resource: Readonly<Record<string, string>>): string {
  const scopeSpans = [{ scope: { name: "watchpost" }, spans: spans.map(spanOf) }];
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: attributesOf(Object.entries(resource)) }, scopeSpans }],
  });
}

function spanOf({ beganAtMs, endedAtMs, attributes, failure, parentSpanId, ...span }: EndedSpan) {
  return {
    ...span,
    ...(parentSpanId === "" ? {} : { parentSpanId }),
    startTimeUnixNano: nanosOf(beganAtMs),
    endTimeUnixNano: nanosOf(endedAtMs),
    attributes: attributesOf(attributes),
    status: failure === undefined ? { code: STATUS_UNSET } : { code: STATUS_ERROR, message: failure },
  };
}

function attributesOf(attributes: Iterable<readonly [string, string | number]>) {
  return Array.from(attributes, ([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(Math.round(value)) },
  }));
}

/** Of 64 bits, which is text in JSON. */
function nanosOf(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
