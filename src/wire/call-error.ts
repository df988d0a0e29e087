/** What a call to a server failed with, as grpc-js tells it. */
import type { ServiceError } from "@grpc/grpc-js";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { connectFault } from "./connect-fault.ts";
import { fromStatus, STATUS_DETAILS_KEY } from "./status.ts";

export function isServiceError(error: unknown): error is ServiceError {
  return typeof (error as Partial<ServiceError> | null)?.code === "number";
}

/** A grpc-js error as a WatchpostError. */
export function errorOf(error: unknown): WatchpostError {
  if (error instanceof WatchpostError) return error;
  if (!isServiceError(error)) return new WatchpostError("UNKNOWN", messageOf(error), { cause: error });
  const { code, details, metadata } = error;
  const fault = connectFault(details);
  if (fault !== undefined) return fault;
  const [packed] = metadata?.get(STATUS_DETAILS_KEY) ?? [];
  return fromStatus(code, readable(details), packed instanceof Uint8Array ? packed : undefined);
}

/** What grpc-js says of a server that is not there, without its own history and times. */
function readable(details: string): string {
  const [, unknown] = /^Name resolution failed for target (?:dns:)?(.*)$/.exec(details) ?? [];
  if (unknown !== undefined) return `the name in ${unknown} cannot be resolved`;
  const [, connect] = /Last error: (?:Error: )?(.*?)\.?(?: \(\d{4}-[^()]*\)\.?)? Resolution note:/.exec(details) ?? [];
  return connect ?? details;
}
