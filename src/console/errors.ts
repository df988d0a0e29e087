/** What to tell a person of an error. */
import { Code, ConnectError } from "@connectrpc/connect";

/** What the server said, or why it could not be asked. */
export function errorText(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : String(error);
}

/** Whether nothing went wrong: what was asked for is not wanted any more. */
export function isCancelled(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}
