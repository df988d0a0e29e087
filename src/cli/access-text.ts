/** Roles and scopes, in words. */
import { InvalidArgumentError } from "commander";
import { isRole, ROLES, scopeOf, scopeText } from "../model/access.ts";
import type { AccessScope } from "../wire/gen/access_pb.ts";
import { printable } from "./watch-table.ts";

export function roleArgument(text: string): string {
  if (isRole(text)) return text;
  throw new InvalidArgumentError(`wanted ${ROLES.join(", ")}`);
}

export function scopeWords(scope: AccessScope | undefined): string {
  return scope === undefined ? "everything" : printable(scopeText(scopeOf(scope)));
}

export function withArticle(role: string): string {
  return role === "ingest" ? "an ingest token" : /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`;
}
