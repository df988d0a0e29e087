/** The Access service, over messages. */
import type { ScopePatterns, Scope } from "../model/access.ts";
import { actorOf } from "../wire/actor.ts";
import { Access } from "../wire/gen/access_pb.ts";
import { unary, type MethodImpl } from "../wire/service.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import type { Deeds } from "./deeds.ts";
import type { RevokedCertificate, RevokedCertificates } from "./revoked-certificates.ts";
import type { KeptToken } from "./token-documents.ts";
import { callableBy } from "./table.ts";
import type { Tokens } from "./tokens.ts";

export interface AccessParts {
  readonly tokens: Tokens;
  readonly revoked: RevokedCertificates;
  readonly deeds: Deeds;
}

export function accessMethods({ tokens, revoked, deeds }: AccessParts): MethodImpl[] {
  const { method } = Access;
  return [
    unary(method.createToken, async ({ name, role, scope, expiresAt, userId }, context) => {
      const expiresAtMs = expiresAt && msOfTimestamp(expiresAt);
      const wanted = { name, role, scope, expiresAtMs };
      const by = actorOf(userId, context);
      const { token, secret } = await tokens.create(wanted, by, context.principal.isAuthenticated);
      return { token: messageOf(token), secret };
    }),
    unary(method.listTokens, async () => ({ tokens: tokens.list().map(messageOf) })),
    unary(method.revokeToken, async ({ token, userId }, context) => {
      if (await tokens.forgetUnreadable(token))
        return { token: { tokenId: token, name: "a token that cannot be read" } };
      return { token: messageOf(await tokens.revoke(token, actorOf(userId, context))) };
    }),
    unary(method.revokeCertificate, async ({ certificate, userId }, context) => ({
      revoked: revokedMessage(await revoked.revoke(certificate, actorOf(userId, context))),
    })),
    unary(method.reinstateCertificate, async ({ certificate }) => ({
      reinstated: revokedMessage(await revoked.reinstate(certificate)),
    })),
    unary(method.listRevokedCertificates, async () => ({ revoked: revoked.list().map(revokedMessage) })),
    unary(method.listDeeds, (request) => deeds.list(request)),
    unary(method.whoAmI, async (_request, { principal }) => {
      const { name, role, scope, via, expiresAtMs } = principal;
      const about = { name, role, via, scope: scopeMessage(scope), expiresAt: timestampOrNever(expiresAtMs) };
      return { ...about, callable: callableBy(principal) };
    }),
  ];
}

function messageOf({ id, createdAtMs, expiresAtMs, lastUsedAtMs, scope, ...rest }: KeptToken) {
  const { name, role, createdBy } = rest;
  return {
    ...{ name, role, createdBy, tokenId: id, scope: scopeMessage(scope), createdAt: timestampOfMs(createdAtMs) },
    expiresAt: timestampOrNever(expiresAtMs),
    lastUsedAt: lastUsedAtMs === undefined ? undefined : timestampOfMs(lastUsedAtMs),
  };
}

function revokedMessage({ certificate, revokedAtMs, revokedBy }: RevokedCertificate) {
  return { certificate, revokedAt: timestampOfMs(revokedAtMs), revokedBy };
}

function scopeMessage({ isEverything, patterns }: Scope): { [K in keyof ScopePatterns]: string[] } | undefined {
  if (isEverything) return undefined;
  return { sources: [...patterns.sources], devices: [...patterns.devices], sites: [...patterns.sites] };
}

function timestampOrNever(atMs: number) {
  return atMs === Infinity ? undefined : timestampOfMs(atMs);
}
