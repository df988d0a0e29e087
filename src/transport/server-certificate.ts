/** The server's certificate out of its files, judged before it is used: what is wrong is said with what to do. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import { messageOf, WatchpostError } from "../model/errors.ts";

/** Paths. */
export interface CertificateFiles {
  /** The server's own certificate first, then those of its intermediate authorities. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of clients' certificates; undefined: clients are not asked for one. */
  readonly clientCa: string | undefined;
}

/** What stands in {@link CertificateFiles}, as it was read. */
export interface CertificatePem {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
}

export interface ServerCertificate extends CertificatePem {
  /** DNS names and addresses that clients may call the server by. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** What makes it of less use than somebody may think, in sentences. */
  readonly warnings: readonly string[];
}

export const TLS_VERSION_MIN = "TLSv1.2";
const SERVER_PURPOSES: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]);
const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Throws FAILED_PRECONDITION with the setting, its path, what is wrong and what to do. */
export function judgeCertificate(pem: CertificatePem, files: CertificateFiles, nowMs: number): ServerCertificate {
  const certName = named("cert", files.cert);
  const [own, ...others] = certificatesIn(pem.cert, certName, "the server's certificate");
  const key = keyIn(pem.key, files.key);
  if (!own.checkPrivateKey(key)) {
    throw mismatch(
      others.some((other) => other.checkPrivateKey(key)),
      files,
    );
  }
  const notAfterMs = Date.parse(own.validTo);
  if (notAfterMs <= nowMs) {
    throw refused(`${certName} expired at ${timeOf(notAfterMs)}; get a new certificate and put it there`);
  }
  const purposes = purposesOf(own);
  if (purposes.length > 0 && !purposes.some((purpose) => SERVER_PURPOSES.has(purpose))) {
    throw refused(`${certName} is not for servers (its extended key usage is another); wanted one for serverAuth`);
  }
  const authorities = files.clientCa === undefined ? [] : authoritiesIn(pem.clientCa!, files.clientCa, nowMs);
  try {
    createSecureContext({ cert: pem.cert, key: pem.key, ca: pem.clientCa, minVersion: TLS_VERSION_MIN });
  } catch (error) {
    throw refused(`${certName} and ${named("key", files.key)} cannot be used: ${messageOf(error)}`);
  }
  const names = alternativeNames(own.subjectAltName ?? "", ["DNS", "IP Address"]);
  const warnings = [...warningsOf(own, names, certName, nowMs), ...authorities];
  const notBeforeMs = Date.parse(own.validFrom);
  return { ...pem, names, notBeforeMs, notAfterMs, fingerprint: fingerprintOf(own), warnings };
}

/** 64 lower-case hexadecimal digits. */
export function fingerprintOf({ fingerprint256 }: { readonly fingerprint256: string }): string {
  return fingerprint256.replaceAll(":", "").toLowerCase();
}

export function named(setting: "cert" | "key" | "client_ca", path: string): string {
  return `tls.${setting} (${path})`;
}

export function refused(message: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", message);
}

/** "2027-01-31 12:00 UTC". */
export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function certificatesIn(pem: Buffer, name: string, wanted: string): [X509Certificate, ...X509Certificate[]] {
  const [first, ...more] = pem.toString("latin1").match(PEM_CERTIFICATE) ?? [];
  if (first === undefined) {
    const isKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem.toString("latin1"));
    const found = isKey ? "a key and no certificate" : "no certificate in PEM (-----BEGIN CERTIFICATE-----)";
    throw refused(`${name} has ${found}; wanted ${wanted}`);
  }
  try {
    return [new X509Certificate(first), ...more.map((each) => new X509Certificate(each))];
  } catch (error) {
    throw refused(`${name} cannot be read: ${messageOf(error)}; is it damaged? wanted ${wanted} in PEM`);
  }
}

function keyIn(pem: Buffer, path: string): KeyObject {
  const name = named("key", path);
  const text = pem.toString("latin1");
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text)) {
    throw refused(`${name} has a passphrase; wanted it without one, as 'openssl pkey -in ${path} -out FILE' makes it`);
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw refused(`${name} has no private key in PEM (-----BEGIN PRIVATE KEY-----); wanted that of tls.cert`);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw refused(`${name} cannot be read: ${messageOf(error)}; is it damaged? wanted a private key in PEM`);
  }
}

function mismatch(isOfAnother: boolean, files: CertificateFiles): WatchpostError {
  const [cert, key] = [named("cert", files.cert), named("key", files.key)];
  if (isOfAnother) {
    return refused(`${cert} does not begin with the server's own certificate; wanted it first, then its authorities`);
  }
  return refused(`${key} is not the key of ${cert}; wanted a certificate and the key that it was made for`);
}

/** Warnings about them. */
function authoritiesIn(pem: Buffer, path: string, nowMs: number): string[] {
  const name = named("client_ca", path);
  const all = certificatesIn(pem, name, "the authorities that sign clients' certificates");
  const other = all.find(({ ca }) => !ca);
  if (other !== undefined) {
    throw refused(`${name} has a certificate that is no authority's (${oneLine(other.subject)}); wanted authorities`);
  }
  const expired = all.filter(({ validTo }) => Date.parse(validTo) <= nowMs);
  if (expired.length === all.length) {
    throw refused(`${name} has only authorities that have expired: no client could connect; wanted one that is valid`);
  }
  return expired.map(({ subject }) => `${name} has an authority that has expired: ${oneLine(subject)}`);
}

function warningsOf(own: X509Certificate, names: readonly string[], name: string, nowMs: number): string[] {
  const warnings: string[] = [];
  const notBeforeMs = Date.parse(own.validFrom);
  // A gateway without a battery clock has to start before it knows the time.
  if (notBeforeMs > nowMs) {
    const [from, now] = [timeOf(notBeforeMs), timeOf(nowMs)];
    warnings.push(`${name} is valid from ${from}, and here it is ${now}: clients refuse it; is the clock right?`);
  }
  if (names.length === 0) {
    warnings.push(`${name} has no subjectAltName: clients refuse a server whose name is not there`);
  }
  return warnings;
}

/** Of a subjectAltName as OpenSSL writes it. Names that stand in quotes have what no name has, and are left out. */
export function alternativeNames(text: string, kinds: readonly string[]): string[] {
  const found = text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found]
    .filter(([, kind, name]) => kinds.includes(kind) && !name.startsWith('"'))
    .map(([, , name]) => shortest(name));
}

/** OpenSSL writes IPv6 addresses with all of their zeros. */
function shortest(name: string): string {
  return (name.includes(":") && URL.parse(`http://[${name}]`)?.hostname.slice(1, -1)) || name;
}

function purposesOf({ keyUsage }: X509Certificate): readonly string[] {
  return (keyUsage as readonly string[] | undefined) ?? [];
}

function oneLine(subject: string): string {
  return subject.replaceAll("\n", ", ");
}
