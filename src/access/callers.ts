/** Who calls, by what is shown: a token, a JWT of the identity provider, a certificate, or the session of a browser. */
import { EVERYTHING } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { Caller } from "../wire/gate.ts";
import { ANONYMOUS, THE_SERVER, type Principal } from "../wire/service.ts";
import { verdictOfCertificate, type CertificateSettings } from "./certificates.ts";
import { bearerOf, webSessionOf, type Credential, type Refusal, type Verdict } from "./credential.ts";
import type { IdentityProvider } from "./jwt/identity-provider.ts";
import { isJwt } from "./jwt/is-jwt.ts";
import type { RefusedLogins } from "./refused-logins.ts";
import type { RevokedCertificates } from "./revoked-certificates.ts";
import { hasHash } from "./secret.ts";
import type { KeptToken } from "./token-documents.ts";
import { VIA_NODE } from "./table.ts";
import type { Tokens } from "./tokens.ts";

/** Whoever runs in the process of the server and calls it as others do: nobody else knows the secret, which ends with the process. */
export interface OwnCaller {
  readonly name: string;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
}

/** Nodes of the same system: they know each other by a key, and call as somebody whom they know. */
export interface OtherNodes {
  isKey(secret: string): boolean;
  /** As whom, and from which address; undefined: as itself. Throws for what cannot be read. */
  callerIn(headers: ReadonlyMap<string, string>): { readonly principal: Principal; readonly peer: string } | undefined;
}

export interface CallersDeps {
  /** undefined: there are none. */
  readonly nodes?: OtherNodes | undefined;
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "nowMs">;
  /** Whether anybody may come through a proxy where nobody is asked who they are. */
  readonly isInsecure: boolean;
  /** Whether browsers come over TLS, as far as this server. */
  readonly isTls: boolean;
  /** undefined: there is none. */
  readonly provider?: Pick<IdentityProvider, "verdictOf" | "follow"> | undefined;
  /** undefined: certificates say nothing of who calls. */
  readonly certificates?: CertificateSettings | undefined;
  /** undefined: there is none. It is known whether others are asked who they are or not, so that a first token does not end it. */
  readonly own?: OwnCaller | undefined;
  readonly revoked: RevokedCertificates;
  readonly refused: Pick<RefusedLogins, "mayTry">;
}

export const ANONYMOUS_ID = "anonymous";

/** What proxies add: names of headers. */
const FORWARDED =
  /^(?:forwarded|via|x-(?:original-)?forwarded(?:-.*)?|x-real-ip|(?:x-|true-|x-cluster-)client-ip|cf-connecting-ip|x-envoy-.*)$/;
const HOW_TO_MAKE_ONE = "an admin makes one with: watchpost token create NAME --role ROLE";

export class Callers {
  readonly #deps: CallersDeps;

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  /** Whether everybody must prove who they are. */
  get mustProve(): boolean {
    const { tokens, provider, certificates } = this.#deps;
    return tokens.isAny || provider !== undefined || certificates !== undefined;
  }

  /** A promise where a JWT is seen for the first time. */
  verdictOf(caller: Caller): Verdict | Promise<Verdict> {
    const bearer = bearerOf(caller);
    const { own, nodes } = this.#deps;
    if (nodes !== undefined && bearer !== undefined && nodes.isKey(bearer)) return ofNode(nodes, caller);
    if (own !== undefined && bearer !== undefined && hasHash(bearer, own.hash)) return credentialOf(own);
    if (!this.mustProve) return this.#anonymous(caller);
    if (bearer !== undefined) return this.#ofSecret(bearer, caller.peer);
    const { certificates, revoked, clock, isTls } = this.#deps;
    if (caller.certificate !== undefined && certificates !== undefined) {
      return verdictOfCertificate(caller.certificate, certificates, { revoked, nowMs: clock.nowMs() });
    }
    const cookie = webSessionOf(caller, isTls);
    if (cookie !== undefined) return this.#ofWebSession(cookie);
    const came = certificates === undefined ? "no token came" : "neither a token nor a certificate came";
    const message = `this server asks who calls, and ${came}; wanted the header "authorization: Bearer wp_…"; ${HOW_TO_MAKE_ONE}`;
    return { reason: "no_credential", message };
  }

  /** Of what a browser shows to log in. */
  tokenOf(secret: string): KeptToken | Refusal {
    if (isJwt(secret)) {
      const message = `a JWT is not kept in a cookie; wanted a token of this server, or a proxy that sends the JWT with each request; ${HOW_TO_MAKE_ONE}`;
      return { reason: "unknown_token", message };
    }
    const token = this.#deps.tokens.ofSecret(secret);
    if (token === undefined) {
      return { reason: "unknown_token", message: `the token is not known here, or was revoked; ${HOW_TO_MAKE_ONE}` };
    }
    if (token.expiresAtMs > this.#deps.clock.nowMs()) return token;
    const endedAt = new Date(token.expiresAtMs).toISOString();
    const message = `the token ${JSON.stringify(token.name)} has run out on ${endedAt}; ${HOW_TO_MAKE_ONE}`;
    return { reason: "expired_token", message };
  }

  #ofSecret(secret: string, peer: string): Verdict | Promise<Verdict> {
    const { provider, refused } = this.#deps;
    if (isJwt(secret)) return provider?.verdictOf(secret, () => refused.mayTry(peer)) ?? noProvider();
    const token = this.tokenOf(secret);
    return "reason" in token ? token : this.#ofToken(token, "token");
  }

  #ofToken(token: KeptToken, via: string): Credential {
    const { id, name, role, scope, expiresAtMs } = token;
    this.#deps.tokens.used(token);
    return { ids: [id], principal: { name, isAuthenticated: true, role, scope, via, expiresAtMs } };
  }

  #ofWebSession(cookie: string): Verdict {
    const found = this.#deps.tokens.ofWebSession(cookie);
    // A session ends with its token at the latest.
    if (found === undefined) {
      const why = this.#deps.tokens.whyNoWebSession(cookie);
      return { reason: "ended_session", message: `the session has ended: ${why}; log in again` };
    }
    const { ids, principal } = this.#ofToken(found.token, "session");
    const expiresAtMs = Math.min(principal.expiresAtMs, found.session.expiresAtMs);
    return { ids: [...ids, found.session.id], principal: { ...principal, expiresAtMs } };
  }

  /** A browser may not be made to open a server of its own machine to a page that came from elsewhere, nor a proxy to the world. */
  #anonymous({ headers }: Caller): Verdict {
    const forwarded = this.#deps.isInsecure ? undefined : [...headers.keys()].find((header) => FORWARDED.test(header));
    if (forwarded === undefined) return { ids: [ANONYMOUS_ID], principal: ANONYMOUS };
    const message = `this call came through a proxy (it has ${forwarded}), and this server asks nobody who they are: whoever reaches the proxy could read and write everything. Make a first token on this machine, with: watchpost token create me --role admin`;
    return { reason: "through_proxy", message };
  }
}

function ofNode(nodes: OtherNodes, { headers }: Caller): Verdict {
  try {
    const other = nodes.callerIn(headers);
    return other === undefined ? { ids: [], principal: { ...THE_SERVER, via: VIA_NODE } } : { ids: [], ...other };
  } catch (error) {
    return {
      reason: "unknown_token",
      message: `another node calls as somebody whom this one does not understand: ${messageOf(error)}`,
    };
  }
}

function credentialOf({ name }: OwnCaller): Credential {
  const principal = { ...{ name, isAuthenticated: true, via: "token" }, role: "admin" as const, scope: EVERYTHING };
  return { ids: [], principal: { ...principal, expiresAtMs: Infinity } };
}

function noProvider(): Refusal {
  const message = `a JWT came, and this server believes no identity provider (auth.jwt.issuer); ${HOW_TO_MAKE_ONE}`;
  return { reason: "unknown_token", message };
}
