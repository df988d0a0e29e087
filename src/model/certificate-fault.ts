/** Why the certificate of another side is not accepted, in words. Pure. */

const UNKNOWN_AUTHORITY = "it is signed by an authority that is not trusted here";
/** By what OpenSSL and Node call it, as a code and as a text. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/DEPTH_ZERO_SELF_SIGNED_CERT|\bself[- ]signed certificate$/i, "it is self-signed, and not among those trusted here"],
  [/UNABLE_TO_VERIFY_LEAF_SIGNATURE|\bunable to verify the first certificate\b/i, UNKNOWN_AUTHORITY],
  [/UNABLE_TO_GET_ISSUER_CERT|\bunable to get (local )?issuer certificate\b/i, UNKNOWN_AUTHORITY],
  [/SELF_SIGNED_CERT_IN_CHAIN|\bself[- ]signed certificate in certificate chain\b/i, UNKNOWN_AUTHORITY],
  [/CERT_UNTRUSTED|\bcertificate not trusted\b/i, UNKNOWN_AUTHORITY],
  [/CERT_HAS_EXPIRED|\bcertificate has expired\b/i, "it has expired"],
  [/CERT_NOT_YET_VALID|\bcertificate is not yet valid\b/i, "it is not valid yet; is the clock of this machine right?"],
  [/CERT_REVOKED|\bcertificate revoked\b/i, "it was revoked"],
  [/INVALID_PURPOSE|\bun(?:supported|suitable) certificate purpose\b/i, "it is not for servers"],
  [/INVALID_CA|\binvalid CA certificate\b/i, "who signed it is no authority"],
];

/** `reason`: a code such as CERT_HAS_EXPIRED, or what was said of it. Undefined where it is about something else. */
export function certificateFault(reason: string): string | undefined {
  if (/ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|\bdoes not match certificate's altnames\b/.test(reason)) {
    const [, names] = /is not in the cert's (?:altnames|list): (.*?)\.?$/.exec(reason) ?? [];
    const found = names === undefined || names === "" ? "" : `: ${plainNames(names)}`;
    return `it is for other names${found}`;
  }
  return FAULTS.find(([pattern]) => pattern.test(reason))?.[1];
}

/** A code of Node or OpenSSL with what it means, where that is known. */
export function certificateCode(code: string): string {
  const fault = certificateFault(code);
  return fault === undefined ? code : `${fault} (${code})`;
}

/** "DNS:a, IP Address:::1" as people write them. */
function plainNames(text: string): string {
  return text.replaceAll(/\b(?:DNS|IP Address):/g, "");
}
