/** Certificates of clients, which the transport has verified: each is a principal of the name that stands in it. Pure. */
import { EVERYTHING, isPrincipalName, scopeOf, type Role, type Scope } from "../model/access.ts";
import { truncated } from "../model/errors.ts";
import { isGlob } from "../model/glob.ts";
import type { PeerCertificate } from "../model/peer-certificate.ts";
import type { RevokedCertificates } from "./revoked-certificates.ts";
import type { Refusal, Verdict } from "./credential.ts";

export interface CertificateSettings {
  readonly role: Role;
  /** What the one of the name N may see and touch: what is of the device N, or of the source N, or everything. */
  readonly scope: "device" | "source" | "everything";
}

const NONE = { sources: [], devices: [], sites: [] };

export function verdictOfCertificate(
  certificate: PeerCertificate,
  { role, scope }: CertificateSettings,
  { revoked, nowMs }: { readonly revoked: Pick<RevokedCertificates, "has">; readonly nowMs: number },
): Verdict {
  const { commonName: name, fingerprint, notAfterMs } = certificate;
  const shown = JSON.stringify(truncated(name, 80));
  if (!isPrincipalName(name)) {
    return bad(
      `the certificate names nobody: its common name is ${shown}; wanted a name on one line that can be seen, without spaces before or behind it`,
    );
  }
  // A name is a pattern of what it may touch.
  if (isGlob(name) && scope !== "everything") {
    return bad(`the certificate is of ${shown}, which could stand for others; wanted a name without *, ? and |`);
  }
  if (revoked.has(name) || revoked.has(fingerprint)) {
    return { reason: "revoked_certificate", message: `the certificate of ${shown} was revoked (${fingerprint})` };
  }
  if (notAfterMs <= nowMs) {
    return bad(`the certificate of ${shown} has run out on ${new Date(notAfterMs).toISOString()}`);
  }
  const principal = { name, isAuthenticated: true, role, scope: scopeOfName(name, scope), via: "certificate" };
  return { ids: idsOfCertificate(certificate), principal: { ...principal, expiresAtMs: notAfterMs } };
}

/** What is withdrawn under this id ends what certificates of that name or fingerprint were shown for. */
export function idOfRevoked(nameOrFingerprint: string): string {
  return `certificate/${nameOrFingerprint}`;
}

function idsOfCertificate({ commonName, fingerprint }: PeerCertificate): string[] {
  return [idOfRevoked(commonName), idOfRevoked(fingerprint)];
}

function scopeOfName(name: string, scope: CertificateSettings["scope"]): Scope {
  if (scope === "everything") return EVERYTHING;
  return scopeOf(scope === "device" ? { ...NONE, devices: [name] } : { ...NONE, sources: [name] });
}

function bad(message: string): Refusal {
  return { reason: "bad_certificate", message };
}
