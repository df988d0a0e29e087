/** What a server forwards to another one, and what others forward to it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ForgetOriginRequestSchema,
  ForgetOriginResponse,
  GetDeliveryResponse,
  HandOverOriginRequestSchema,
  HandOverOriginResponse,
  ResendRequestSchema,
  ResendResponse,
} from "../wire/gen/forwarding_pb.ts";
import { DataIngestion } from "../wire/gen/ingestion_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** Throws the server's status. */
export function getDelivery(connection: Connection, options: AskOptions = {}): Promise<GetDeliveryResponse> {
  return ask(connection, DataIngestion.method.getDelivery, {}, options);
}

/** Has a range of event times forwarded again. Throws the server's status. */
export function resend(
  connection: Connection,
  request: MessageInitShape<typeof ResendRequestSchema>,
  options: AskOptions = {},
): Promise<ResendResponse> {
  return ask(connection, DataIngestion.method.resend, request, options);
}

/** Takes a node that forwarded here off the ledger. Throws the server's status. */
export function forgetOrigin(
  connection: Connection,
  request: MessageInitShape<typeof ForgetOriginRequestSchema>,
  options: AskOptions = {},
): Promise<ForgetOriginResponse> {
  return ask(connection, DataIngestion.method.forgetOrigin, request, options);
}

/** Lets another principal bring a node that forwards here. Throws the server's status. */
export function handOverOrigin(
  connection: Connection,
  request: MessageInitShape<typeof HandOverOriginRequestSchema>,
  options: AskOptions = {},
): Promise<HandOverOriginResponse> {
  return ask(connection, DataIngestion.method.handOverOrigin, request, options);
}
