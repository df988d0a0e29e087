/** What went wrong with a call, as it is told: what happened, and which field was meant. */
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../wire/gen/google/rpc/error_details_pb.ts";

export interface Failure {
  readonly text: string;
  /** As in the request, such as "step_ms"; "": none in particular. */
  readonly field: string;
}

export function failureOf(error: unknown): Failure {
  const told = ConnectError.from(error);
  const violation = told.findDetails(BadRequestSchema)[0]?.fieldViolations[0];
  return { text: told.rawMessage, field: violation?.field ?? "" };
}
