/** Who may do what. */
import type { OtherNodes, OwnCaller } from "../access/callers.ts";
import type { CertificateSettings } from "../access/certificates.ts";
import { Deeds } from "../access/deeds.ts";
import { AccessGate } from "../access/gate.ts";
import type { IdentityProvider } from "../access/jwt/identity-provider.ts";
import type { Limits } from "../access/limits.ts";
import { loginRoutes } from "../access/login.ts";
import { RefusedLogins } from "../access/refused-logins.ts";
import { RevokedCertificates } from "../access/revoked-certificates.ts";
import { accessMethods } from "../access/service.ts";
import { Tokens } from "../access/tokens.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { messageOf } from "../model/errors.ts";
import type { Clock } from "../model/clock.ts";
import type { DocumentChange } from "../model/journal.ts";
import type { Logger } from "../model/logger.ts";
import { Seldom } from "../model/seldom.ts";
import type { HttpRoute } from "../wire/http-route.ts";
import type { MethodImpl } from "../wire/service.ts";
import { openLimits } from "./open-limits.ts";
import type { Storage } from "./open-storage.ts";

export interface OpenAccess {
  readonly gate: AccessGate;
  readonly limits: Limits;
  readonly deeds: Deeds;
  readonly methods: readonly MethodImpl[];
  readonly routes: readonly HttpRoute[];
}

/** Between two writes of when tokens were last used. */
const KEEP_USE_EVERY_MS = 60_000;

export interface AccessDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly isTls: boolean;
  /** Whether clients show certificates that are verified. */
  readonly asksForCertificates: boolean;
  readonly own: OwnCaller | undefined;
  /** undefined: there are no other nodes. */
  readonly nodes: OtherNodes | undefined;
}

/** `opening` closes what was opened. */
export async function openAccess(
  config: Config,
  { journal }: Storage,
  { logger, clock, metrics, isTls, asksForCertificates, own, nodes }: AccessDeps,
  opening: AsyncDisposableStack,
): Promise<OpenAccess> {
  const onTrouble = (sentence: string) => logger.error({ trouble: sentence }, "tokens have trouble");
  const provider = await openProvider(config.auth.jwt, { logger, clock }, opening);
  const { admin_token: configured } = config.auth;
  // What other nodes write while this is opened is taken behind what was read: it is how things stand then.
  const early: DocumentChange[] = [];
  let hear = (changes: readonly DocumentChange[]) => void early.push(...changes);
  opening.defer(journal.followChanges((changes) => hear(changes)));
  const tokens = await Tokens.open({ journal, clock, configured, hasOtherAdmins: givesAdmins(config), onTrouble });
  const revoked = await RevokedCertificates.open({ journal, clock, onTrouble });
  hear = (changes) => {
    tokens.heard(changes);
    revoked.heard(changes);
  };
  hear(early);
  const refused = new RefusedLogins({
    clock,
    onRefused: (reason) => metrics.refusedLogins.inc({ reason }),
    onLogin: (login) => logger.warn({ ...login }, "a login was refused"),
  });
  const certificates = asksForCertificates ? certificatesOf(config) : undefined;
  const limits = openLimits(config, { logger, clock, metrics });
  const shown = { tokens, provider, certificates, revoked, own, nodes };
  const gate = new AccessGate({ ...shown, clock, isInsecure: config.insecure, isTls, refused, limits });
  opening.defer(() => gate.close());
  if (gate.isOn && !givesAdmins(config) && !tokens.hasLastingAdmin) {
    const wanted = 'the setting auth.admin_token, as "watchpost init" writes it';
    logger.warn({ wanted }, "every call must prove who makes it, and there is nobody who can give access");
  }

  const keepUse = () => tokens.flushUse().catch((error: unknown) => onTrouble(messageOf(error)));
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(KEEP_USE_EVERY_MS, () => {
      void keepUse();
      again();
    });
  };
  again();
  opening.defer(() => {
    cancel();
    return keepUse();
  });
  const nowMs = () => clock.nowMs();
  const onUnwritten = (error: unknown) => logger.error({ err: error }, "who did something is not written down");
  const deeds = new Deeds({ journal, clock, onTrouble: onUnwritten });
  return {
    gate,
    limits,
    deeds,
    methods: accessMethods({ tokens, revoked, deeds }),
    routes: loginRoutes({ gate, tokens, deeds, nowMs }),
  };
}

/** Its keys are asked for now, so that the first who shows a JWT does not wait for them. */
async function openProvider(
  jwt: Config["auth"]["jwt"],
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  opening: AsyncDisposableStack,
): Promise<IdentityProvider | undefined> {
  const { issuer, audience } = jwt;
  if (issuer === undefined || audience === undefined) return undefined;
  const settings = {
    ...{ issuer, audience, keysUrl: jwt.jwks_url, caFile: jwt.ca_file, algorithms: jwt.algorithms },
    ...{ nameClaim: jwt.name_claim, roleClaim: jwt.role_claim, roles: jwt.roles },
    scopeClaims: { sources: jwt.sources_claim, devices: jwt.devices_claim, sites: jwt.sites_claim },
    ...{ leewayMs: jwt.leeway, keysKeptMs: jwt.keys_kept },
  };
  const said = new Seldom(clock, (trouble) => logger.warn({ issuer, trouble }, "the identity provider has trouble"));
  const onTrouble = (trouble: string) => said.say(() => trouble);
  const { IdentityProvider } = await import("../access/jwt/identity-provider.ts");
  const provider = await IdentityProvider.open(settings, { clock, onTrouble });
  opening.defer(() => provider.close());
  return provider;
}

/** undefined: they say nothing of who calls. */
function certificatesOf({ auth }: Config): CertificateSettings | undefined {
  const { role, scope } = auth.certificates;
  return role === "none" ? undefined : { role, scope };
}

/** Whether somebody can give access without a token of this server. */
function givesAdmins({ auth: { jwt } }: Config): boolean {
  return jwt.issuer !== undefined && jwt.roles.has("admin");
}
