/** What a server says of credentials that are not good, for clients that have to tell it from what they may do nothing about. */
import type { WatchpostError } from "../model/errors.ts";

/** How it begins where so many were shown that the next one has to wait. */
export const TOO_MANY_CREDENTIALS = "too many credentials from";

/** Whether who calls is not known there, and waiting alone changes nothing. */
export function isRefusedLogin({ status, message }: Pick<WatchpostError, "status" | "message">): boolean {
  return status === "UNAUTHENTICATED" || (status === "RESOURCE_EXHAUSTED" && message.startsWith(TOO_MANY_CREDENTIALS));
}
