/** Why there is no connection to the upstream: nobody answers, or it refuses this node, which no waiting changes. */
import { messageOf, WatchpostError, type StatusName } from "../../model/errors.ts";
import { CLOSED_EARLY, isLastingFault, NO_TLS, NOT_ACCEPTED, WANTS_CERTIFICATE } from "../../wire/connect-fault.ts";
import { isRefusedLogin } from "../../wire/refused-login.ts";

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

/** Files of this node, which are read at each connection. */
const OWN_SETTINGS = "upstream.";

const ADVICE: ReadonlyMap<string, string> = new Map([
  [CLOSED_EARLY, "; does it want TLS (upstream.tls), or another certificate of this node (upstream.cert_file)?"],
  [WANTS_CERTIFICATE, " (upstream.cert_file)"],
  [NO_TLS, " (upstream.tls)"],
]);

export function connectTrouble(thrown: unknown, address: string): ConnectTrouble {
  const known = thrown instanceof WatchpostError ? thrown : undefined;
  // Whatever it is told to wait for, it is not room.
  const status = known !== undefined && isRefusedLogin(known) ? "UNAUTHENTICATED" : (known?.status ?? "UNKNOWN");
  const message = messageOf(thrown);
  const error = `${address}: ${message}${adviceOn(message)}`;
  const sentence = `${whatIsWrong(status, message)}: ${error}`;
  return { status, error, sentence, retryAfterMs: known?.retryAfterMs ?? 0 };
}

function adviceOn(message: string): string {
  // "signed by …", "self-signed": of an expired one, or of another name, no other authority changes anything.
  if (message.startsWith(`${NOT_ACCEPTED}: it is s`)) return "; upstream.ca_file names who signed it";
  return ADVICE.get(message) ?? "";
}

function whatIsWrong(status: StatusName, message: string): string {
  if (message.startsWith(NOT_ACCEPTED)) return "the upstream is not believed to be who it says (upstream.ca_file)";
  if (isLastingFault(message) || AWAY.has(status)) return "the upstream cannot be reached";
  if (message.startsWith(OWN_SETTINGS)) return "nothing can be forwarded before this is set right here";
  if (status === "RESOURCE_EXHAUSTED") return "the upstream has no room for this node at present";
  return "the upstream refuses this node, which is tried on";
}
