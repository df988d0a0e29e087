/** Errors to gRPC status and back, with google.rpc details. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { WatchpostError, type StatusName } from "../model/errors.ts";
import { BadRequestSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "./gen/google/rpc/status_pb.ts";

const CODES: Readonly<Record<StatusName, number>> = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};
const NAMES = new Map(Object.entries(CODES).map(([name, code]) => [code, name as StatusName]));

/** The metadata key that carries a serialized google.rpc.Status. */
export const STATUS_DETAILS_KEY = "grpc-status-details-bin";

export interface WireStatus {
  readonly code: number;
  readonly name: StatusName;
  readonly message: string;
  /** A serialized google.rpc.Status with BadRequest and RetryInfo; undefined where there is nothing to add. */
  readonly details: Uint8Array | undefined;
}

export function statusCodeOf(name: StatusName): number {
  return CODES[name];
}

export function statusNameOf(code: number): StatusName {
  return NAMES.get(code) ?? "UNKNOWN";
}

/** What a caller is told of anything thrown. A defect's own text stays here. */
export function toStatus(error: unknown): WireStatus {
  if (!(error instanceof WatchpostError)) {
    return {
      code: CODES.INTERNAL,
      name: "INTERNAL",
      message: "internal error; see the server's log",
      details: undefined,
    };
  }
  const { status: name, message } = error;
  return { code: CODES[name], name, message, details: detailsOf(error) };
}

function detailsOf({ status, message, violations, retryAfterMs }: WatchpostError): Uint8Array | undefined {
  const details = [];
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }));
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  if (retryAfterMs !== undefined) {
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) })));
  }
  if (details.length === 0) return undefined;
  return toBinary(StatusSchema, create(StatusSchema, { code: CODES[status], message, details }));
}

/** Inverse of {@link toStatus}, for clients. Details that cannot be read are left out. */
export function fromStatus(code: number, message: string, details?: Uint8Array): WatchpostError {
  const status = details === undefined ? undefined : readStatus(details);
  const badRequest = status?.details.map((any) => anyUnpack(any, BadRequestSchema)).find((d) => d !== undefined);
  const retryInfo = status?.details.map((any) => anyUnpack(any, RetryInfoSchema)).find((d) => d !== undefined);
  return new WatchpostError(statusNameOf(code), message, {
    violations: badRequest?.fieldViolations ?? [],
    ...(retryInfo?.retryDelay ? { retryAfterMs: durationMs(retryInfo.retryDelay) } : {}),
  });
}

function readStatus(bytes: Uint8Array) {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}
