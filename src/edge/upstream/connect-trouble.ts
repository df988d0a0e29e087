/** Why there is no connection to the upstream: nobody answers, or it refuses this node, which no waiting changes. */
import { messageOf, WatchpostError, type StatusName } from "../../model/errors.ts";

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

export function connectTrouble(thrown: unknown, address: string): ConnectTrouble {
  const known = thrown instanceof WatchpostError ? thrown : undefined;
  const status = known?.status ?? "UNKNOWN";
  const error = `${address}: ${messageOf(thrown)}`;
  return { status, error, sentence: `${whatIsWrong(status)}: ${error}`, retryAfterMs: known?.retryAfterMs ?? 0 };
}

function whatIsWrong(status: StatusName): string {
  if (AWAY.has(status)) return "the upstream cannot be reached";
  if (status === "RESOURCE_EXHAUSTED") return "the upstream has no room for this node at present";
  return "the upstream refuses this node, which is tried on";
}
