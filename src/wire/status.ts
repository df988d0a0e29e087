/** Errors to gRPC status and back, with google.rpc details. */
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, AnySchema, durationFromMs, durationMs, type Any } from "@bufbuild/protobuf/wkt";
import { WatchpostError, type PackedMessage, type StatusName } from "../model/errors.ts";
import { BadRequestSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "./gen/google/rpc/status_pb.ts";
import { toldError } from "./told-error.ts";

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
const TYPE_URL_PREFIX = "type.googleapis.com/";
const NAMES = new Map(Object.entries(CODES).map(([name, code]) => [code, name as StatusName]));

/** Those that have fields of their own in an error. */
const OWN_DETAILS: ReadonlySet<string> = new Set([BadRequestSchema.typeName, RetryInfoSchema.typeName]);

/** The metadata key that carries a serialized google.rpc.Status. */
export const STATUS_DETAILS_KEY = "grpc-status-details-bin";

export interface WireStatus {
  readonly code: number;
  readonly name: StatusName;
  readonly message: string;
  /** A serialized google.rpc.Status with BadRequest, RetryInfo and messages; undefined where there is nothing to add. */
  readonly details: Uint8Array | undefined;
}

export function statusCodeOf(name: StatusName): number {
  return CODES[name];
}

export function statusNameOf(code: number): StatusName {
  return NAMES.get(code) ?? "UNKNOWN";
}

/** What a caller is told of anything thrown, as {@link toldError} cuts it. A defect's own text stays here. */
export function toStatus(error: unknown): WireStatus {
  if (!(error instanceof WatchpostError)) {
    return {
      code: CODES.INTERNAL,
      name: "INTERNAL",
      message: "internal error; see the server's log",
      details: undefined,
    };
  }
  const told = toldError(error);
  const { status: name, message } = told;
  return { code: CODES[name], name, message, details: detailsOf(told) };
}

function detailsOf({ status, message, violations, retryAfterMs, messages }: WatchpostError): Uint8Array | undefined {
  const details: Any[] = [];
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }));
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  if (retryAfterMs !== undefined) {
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) })));
  }
  for (const { typeName, value } of messages) {
    details.push(create(AnySchema, { typeUrl: TYPE_URL_PREFIX + typeName, value }));
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
    messages: (status?.details ?? []).map(packedOf).filter(({ typeName }) => !OWN_DETAILS.has(typeName)),
  });
}

/** A message as an error carries it. */
export function packed<D extends DescMessage>(schema: D, message: MessageShape<D>): PackedMessage {
  return { typeName: schema.typeName, value: toBinary(schema, message) };
}

/** The first message of a type that an error carries; undefined where there is none that can be read. */
export function unpacked<D extends DescMessage>({ messages }: WatchpostError, schema: D): MessageShape<D> | undefined {
  const found = messages.find(({ typeName }) => typeName === schema.typeName);
  try {
    return found === undefined ? undefined : fromBinary(schema, found.value);
  } catch {
    return undefined;
  }
}

function packedOf({ typeUrl, value }: Any): PackedMessage {
  return { typeName: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value };
}

function readStatus(bytes: Uint8Array) {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}
