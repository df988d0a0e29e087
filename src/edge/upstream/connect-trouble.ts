/** Why there is no connection to the upstream: nobody answers, or it refuses this node, which no waiting changes. */
import { messageOf, WatchpostError, type StatusName } from "../../model/errors.ts";
import { CLOSED_EARLY, isLastingFault, NO_TLS, NOT_ACCEPTED, WANTS_CERTIFICATE } from "../../wire/connect-fault.ts";

export interface ConnectTrouble {
  readonly status: StatusName;
  /** With the address. */
  readonly error: string;
  /** For the log. */
  readonly sentence: string;
  readonly retryAfterMs: number;
}

/** What a server that is away, or a cut connection, shows as. */
const AWAY: ReadonlySet<StatusName> = new Set([
  ...(["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED", "INTERNAL", "UNKNOWN"] as const),
]);

const ADVICE: ReadonlyMap<string, string> = new Map([
  [CLOSED_EARLY, "; does it want TLS (upstream.tls), or another certificate of this node (upstream.cert_file)?"],
  [WANTS_CERTIFICATE, " (upstream.cert_file)"],
  [NO_TLS, " (upstream.tls)"],
]);

export function connectTrouble(thrown: unknown, address: string): ConnectTrouble {
  const known = thrown instanceof WatchpostError ? thrown : undefined;
  const status = known?.status ?? "UNKNOWN";
  const message = messageOf(thrown);
  const error = `${address}: ${message}${ADVICE.get(message) ?? ""}`;
  const sentence = `${whatIsWrong(status, message)}: ${error}`;
  return { status, error, sentence, retryAfterMs: known?.retryAfterMs ?? 0 };
}

function whatIsWrong(status: StatusName, message: string): string {
  if (message.startsWith(NOT_ACCEPTED)) return "the upstream is not believed to be who it says (upstream.ca_file)";
  if (isLastingFault(message) || AWAY.has(status)) return "the upstream cannot be reached";
  if (status === "RESOURCE_EXHAUSTED") return "the upstream has no room for this node at present";
  return "the upstream refuses this node, which is tried on";
}
