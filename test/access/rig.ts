/** Tokens on a journal in memory, and the gate before a server's calls. */
import { Deeds } from "../../src/access/deeds.ts";
import { AccessGate } from "../../src/access/gate.ts";
import type { CallersDeps } from "../../src/access/callers.ts";
import type { IdentityProvider } from "../../src/access/jwt/identity-provider.ts";
import { Limits, type LimitSettings } from "../../src/access/limits.ts";
import { RefusedLogins, type RefusedLogin } from "../../src/access/refused-logins.ts";
import { RevokedCertificates } from "../../src/access/revoked-certificates.ts";
import type { NewToken } from "../../src/access/new-token.ts";
import { accessMethods } from "../../src/access/service.ts";
import { Tokens } from "../../src/access/tokens.ts";
import { LIMIT_NAMES } from "../../src/wire/allowance.ts";
import type { Admission, Caller } from "../../src/wire/gate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

export const [UPLOAD, QUERY, ACK] = [
  "analytics.DataIngestion/UploadData",
  "analytics.Dashboard/QueryRange",
  "analytics.Alerts/AcknowledgeAlert",
];

export interface AccessRigOptions {
  readonly journal?: MemoryJournal;
  readonly configured?: { readonly id: string; readonly hash: string };
  readonly isInsecure?: boolean;
  readonly isTls?: boolean;
  readonly provider?: IdentityProvider;
  readonly certificates?: CallersDeps["certificates"];
  readonly own?: CallersDeps["own"];
  readonly nodes?: CallersDeps["nodes"];
  readonly limited?: Partial<LimitSettings>;
}

export const UNLIMITED = Object.fromEntries(LIMIT_NAMES.map((name) => [name, Infinity])) as LimitSettings;

export async function accessRig({
  journal = new MemoryJournal(),
  configured,
  isInsecure = false,
  isTls = false,
  provider,
  certificates,
  own,
  nodes,
  limited,
  clock = new ManualClock(),
}: AccessRigOptions & { readonly clock?: ManualClock } = {}) {
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const tokens = await Tokens.open({ journal, clock, configured, onTrouble });
  const logins: RefusedLogin[] = [];
  const reasons: string[] = [];
  const onLogin = (login: RefusedLogin) => void logins.push(login);
  const refused = new RefusedLogins({ clock, onLogin, onRefused: (reason) => void reasons.push(reason) });
  const revoked = await RevokedCertificates.open({ journal, clock, onTrouble });
  const limits = new Limits({ settings: { ...UNLIMITED, ...limited }, clock, onLimited: () => {} });
  const gate = new AccessGate({
    ...{ tokens, clock, isInsecure, isTls, provider, certificates, own, nodes, revoked, refused, limits },
  });
  /** Whoever shows no JWT is known at once. */
  const admit = (name: string, caller: Caller): Admission => {
    const admission = gate.admit(name, caller);
    if (admission instanceof Promise) throw new Error("the gate waits for something");
    return admission;
  };
  const deeds = new Deeds({
    journal,
    clock,
    onTrouble: (error) => void troubles.push(String(error)),
  });
  const methods = accessMethods({ tokens, revoked, deeds });
  const make = async (wanted: Partial<NewToken> & { readonly name: string }) => {
    const scope = { sources: [], devices: [], sites: [], ...wanted.scope };
    return (await tokens.create({ role: "admin", expiresAtMs: undefined, ...wanted, scope }, "ann", true)).secret;
  };
  return {
    journal,
    clock,
    tokens,
    deeds,
    gate,
    limits,
    admit,
    refused,
    revoked,
    logins,
    reasons,
    methods,
    troubles,
    make,
  };
}

export function showing(secret: string, headers: Readonly<Record<string, string>> = {}): Caller {
  return { headers: new Map(Object.entries({ authorization: `Bearer ${secret}`, ...headers })), peer: "10.0.0.9" };
}

export function bare(headers: Readonly<Record<string, string>> = {}): Caller {
  return { headers: new Map(Object.entries(headers)), peer: "10.0.0.9" };
}
