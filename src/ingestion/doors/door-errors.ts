/** How HTTP says what a door's request failed with. */
import { messageOf, WatchpostError } from "../../model/errors.ts";

export interface DoorError {
  readonly status: 400 | 401 | 403 | 413 | 429 | 500 | 503;
  readonly message: string;
  /** When it may be sent again, where it may. */
  readonly headers: Readonly<Record<string, string>>;
}

export function doorErrorOf(error: unknown): DoorError {
  if (!(error instanceof WatchpostError)) {
    return { status: 500, message: "internal error; see the server's log", headers: {} };
  }
  const message = messageOf(error);
  if (error.status === "UNAUTHENTICATED") return { status: 401, message, headers: { "www-authenticate": "Bearer" } };
  if (error.status === "PERMISSION_DENIED") return { status: 403, message, headers: {} };
  if (error.status === "INVALID_ARGUMENT") return { status: 400, message, headers: {} };
  const isFull = error.status === "RESOURCE_EXHAUSTED";
  // There is no later at which it would fit.
  if (isFull && error.retryAfterMs === undefined) return { status: 413, message, headers: {} };
  const retryAfterS = Math.ceil((error.retryAfterMs ?? 1_000) / 1_000);
  return { status: isFull ? 429 : 503, message, headers: { "retry-after": String(retryAfterS) } };
}
