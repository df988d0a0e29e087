/** Silences: for a time, alerts are not notified. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Alerts, type Silence, type SilenceSchema } from "../wire/gen/alerts_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

export interface PutSilenceOptions extends AskOptions {
  /** Who puts it; by default its author. */
  readonly userId?: string;
}

/**
 * Makes a silence, or changes the one with its id; resolves with it as it is then, once that is durable. Throws the server's
 * status, as all of these do; FAILED_PRECONDITION where that one is over.
 */
export async function putSilence(
  connection: Connection,
  silence: MessageInitShape<typeof SilenceSchema>,
  options: PutSilenceOptions = {},
): Promise<Silence> {
  const { userId = "" } = options;
  const answer = await ask(connection, Alerts.method.putSilence, { silence, userId }, options);
  return answer.silence!;
}

/** Ends one now. Throws NOT_FOUND where there is none of that id. `userId` "": whoever calls. */
export async function expireSilence(
  connection: Connection,
  request: { readonly id: string; readonly userId: string },
  options: AskOptions = {},
): Promise<Silence> {
  const answer = await ask(connection, Alerts.method.expireSilence, request, options);
  return answer.silence!;
}

/** The one that ends first, first; `expired`: also those that are over. */
export async function listSilences(
  connection: Connection,
  expired: boolean,
  options: AskOptions = {},
): Promise<readonly Silence[]> {
  return (await ask(connection, Alerts.method.listSilences, { expired }, options)).silences;
}
