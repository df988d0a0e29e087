/** The header `traceparent` of W3C Trace Context: which trace a call belongs to. */
export interface TraceParent {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const [TRACE_ID_NONE, SPAN_ID_NONE] = ["0".repeat(32), "0".repeat(16)];
/** Later versions may add fields; the first four are as they are here. */
const FORMAT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** undefined for what is none: the call begins a trace of its own then. */
export function parseTraceParent(text: string | undefined): TraceParent | undefined {
  const [, version, traceId, spanId, flags, more] = FORMAT.exec(text ?? "") ?? [];
  if (traceId === undefined || traceId === TRACE_ID_NONE || spanId === SPAN_ID_NONE) return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
