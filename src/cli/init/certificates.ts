/** A private certificate authority, and certificates that it signs for servers and devices: ECDSA on P-256, X.509 version 3. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** Both in PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

export interface Leaf {
  /** The first is the common name. Of a server names and addresses that it is reached by. */
  readonly names: readonly string[];
  readonly usage: "server" | "device";
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3_650;
/** Clients refuse certificates of servers that last longer than 825 days (Apple), also of private authorities. */
const LEAF_DAYS = 820;
/** For clocks that are behind. */
const BEFORE_MS = 3_600_000;
const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
const [SERVER_AUTH, CLIENT_AUTH] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

export async function newAuthority(name: string, nowMs: number): Promise<CertifiedKey> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(nowMs, CA_DAYS),
    serialNumber: serialNumber(),
    name: nameOf(name),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      // It signs nothing that signs.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pemOf(certificate, keys);
}

/** Throws for what is no authority. */
export async function signed(authority: CertifiedKey, { names, usage }: Leaf, nowMs: number): Promise<CertifiedKey> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await keyIn(authority.key);
  const keys = await newKeys();
  const alternatives = names.map((name) => ({ type: isAddress(name) ? "ip" : "dns", value: name }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(nowMs, LEAF_DAYS),
    serialNumber: serialNumber(),
    subject: nameOf(names[0]),
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage === "server" ? SERVER_AUTH : CLIENT_AUTH]),
      // A device's name need be none of the domain name system.
      ...(usage === "server" ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return pemOf(certificate, keys);
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function keyIn(pem: string): Promise<CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

async function pemOf(certificate: x509.X509Certificate, { privateKey }: CryptoKeyPair): Promise<CertifiedKey> {
  const der = await crypto.subtle.exportKey("pkcs8", privateKey);
  return { certificate: `${certificate.toString("pem")}\n`, key: `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n` };
}

function nameOf(commonName: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: commonName }] }]);
}

function validity(nowMs: number, days: number) {
  return { notBefore: new Date(nowMs - BEFORE_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

/** Positive, at most twenty bytes, and never given twice. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}
