/** gRPC status names, the ones this project answers with. */
export type StatusName =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A protobuf message that travels with an error, as google.protobuf.Any. */
export interface PackedMessage {
  /** Full name, such as "analytics.Issue". */
  readonly typeName: string;
  readonly value: Uint8Array;
}

export interface ErrorDetails {
  readonly violations?: readonly FieldViolation[];
  /** When the caller may try again; travels as google.rpc.RetryInfo. */
  readonly retryAfterMs?: number;
  /** Some kilobytes together: over gRPC they travel in trailers, which clients bound. */
  readonly messages?: readonly PackedMessage[];
  /** A stream is ended because its reader fell behind; for the server itself, and not told to clients. */
  readonly isReaderBehind?: boolean;
  readonly cause?: unknown;
}

/**
 * The one error class: something a caller did or must know. Any other thrown value is a defect and reaches
 * clients as INTERNAL without its text. `message` says what was tried, the offending value and what was wanted.
 */
export class WatchpostError extends Error {
  override readonly name = "WatchpostError";
  readonly status: StatusName;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;
  readonly messages: readonly PackedMessage[];
  readonly isReaderBehind: boolean;

  constructor(status: StatusName, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = status;
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.messages = details.messages ?? [];
    this.isReaderBehind = details.isReaderBehind ?? false;
  }
}

/** INVALID_ARGUMENT for one field: its name, the value as given, what was wanted. */
export function invalidField(field: string, value: unknown, wanted: string): WatchpostError {
  const shown = typeof value === "string" ? JSON.stringify(truncated(value, 80)) : String(value);
  const description = `${field} is ${shown}; wanted ${wanted}`;
  return new WatchpostError("INVALID_ARGUMENT", description, { violations: [{ field, description }] });
}

/** UNAVAILABLE for a reader of a stream that is further behind than what is kept for it. */
export function readerBehind(message: string): WatchpostError {
  return new WatchpostError("UNAVAILABLE", message, { isReaderBehind: true });
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** At most `max` characters, with an ellipsis where cut. */
export function truncated(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

/** Whether something thrown says that the disk, or what one may use of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL";
}
