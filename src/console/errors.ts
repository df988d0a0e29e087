/** What to tell a person of an error. */
import { Code, ConnectError } from "@connectrpc/connect";

/** What the server said, or why it could not be asked. */
export function errorText(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : String(error);
}

/** Whoever asks the same again is told the same. */
const FINAL: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unimplemented,
]);

/** Whether it is no use to ask the same again. */
export function isFinal(error: unknown): boolean {
  return FINAL.has(ConnectError.from(error).code);
}

/** Of what is asked by itself: {@link errorText}, and whether it is asked again; without a full stop. */
export function failureText(error: unknown): string {
  return `${errorText(error)}; ${isFinal(error) ? "it is not asked for again" : "trying again"}`;
}

/** Whether nothing went wrong: what was asked for is not wanted any more. */
export function isCancelled(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}
