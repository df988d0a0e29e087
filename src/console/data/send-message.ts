import { ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { RetryInfoSchema } from "../../wire/gen/google/rpc/error_details_pb.ts";
import { collaborationApi } from "../api.ts";
import { errorText } from "../errors.ts";
import { cipherFor, sealed } from "./session-keys.ts";
import type { Draft, Outcome } from "./outbox.ts";
import { isPassing } from "./until-answered.ts";

const SEND_WITHIN_MS = 15_000;

/** Sends a message to a session once: under an id. `onKept` is given its number. */
export async function sendMessage(
  sessionId: string,
  { userId, messageType, message, metadata }: Draft,
  id: string,
  onKept: (number: number) => void,
): Promise<Outcome> {
  const signal = AbortSignal.timeout(SEND_WITHIN_MS);
  const said = { messageType, message, metadata: { ...metadata, client_message_id: id } };
  try {
    const cipher = await cipherFor(sessionId, signal);
    const sent = await sealed(sessionId, userId, said, cipher).catch((error: unknown) => errorText(error));
    if (typeof sent === "string") return { kind: "refused", reason: sent };
    const { message: kept } = await collaborationApi.sendMessage(
      { ...sent, sessionId, userId, userName: userId },
      { signal },
    );
    onKept(Number(kept?.number ?? 0n));
    return { kind: "kept" };
  } catch (error) {
    return outcomeOf(ConnectError.from(error));
  }
}

function outcomeOf(error: ConnectError): Outcome {
  const { rawMessage: reason } = error;
  if (!isPassing(error)) return { kind: "refused", reason };
  const [{ retryDelay } = { retryDelay: undefined }] = error.findDetails(RetryInfoSchema);
  return { kind: "again", reason, ...(retryDelay !== undefined && { afterMs: durationMs(retryDelay) }) };
}
