/** What the commands of sessions share. */
import { integerArgument, showsCredential } from "./client-flags.ts";
import { WatchpostError } from "../model/errors.ts";
import { userOf } from "./user-flag.ts";

/** What a snapshot may have. */
export const LAST_MAX = 1_000;

export const lastArgument = integerArgument(0, LAST_MAX);

/** Of those that a session must know; "": whoever is proven. Throws INVALID_ARGUMENT where nobody is named. */
export function memberOf(flags: { readonly user?: string }): string {
  const user = userOf(flags);
  if (user !== "" || showsCredential()) return user;
  throw new WatchpostError(
    "INVALID_ARGUMENT",
    "nobody is named; wanted --user NAME: everybody sees who says something",
  );
}
