import { nameIn } from "../model/texts.ts";
import type { CallContext } from "./service.ts";

/** Whoever calls, where that is proven; otherwise whoever is named. */
export function actorOf(userId: string, { principal }: Pick<CallContext, "principal">): string {
  const named = nameIn(userId, "user_id");
  return principal.isAuthenticated ? principal.name : named || principal.name;
}
