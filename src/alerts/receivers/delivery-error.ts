import { WatchpostError } from "../../model/errors.ts";

/** Trying again may help, but not before `retryAfterMs` where the other side said so. */
export function tryAgain(message: string, retryAfterMs?: number): WatchpostError {
  return new WatchpostError("UNAVAILABLE", message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** The signal came; whether it had arrived by then nobody knows. */
export function stopped(): WatchpostError {
  return tryAgain("stopped before it was answered");
}

/** The same again would end the same. */
export function refused(message: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", message);
}

/** Whether what `send` threw may be gone the next time. What is unknown may be. */
export function mayHelpToTryAgain(error: unknown): boolean {
  return !(error instanceof WatchpostError) || error.status !== "FAILED_PRECONDITION";
}
