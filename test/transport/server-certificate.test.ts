/** What is wrong with the files of a certificate is said before it is used. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WatchpostError } from "../../src/model/errors.ts";
import {
  alternativeNames,
  judgeCertificate,
  type CertificateFiles,
  type ServerCertificate,
} from "../../src/transport/server-certificate.ts";
import { openssl, TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";

const testTls = testNeeding([program("openssl")]);
const DAY_MS = 24 * 3_600_000;
const dir = tempDir("server-certificate");
const nowMs = Date.now();
let authority: TestAuthority;
let good: TestCertificate;
let other: TestCertificate;

beforeAll(() => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  good = authority.issue();
  other = authority.issue({ commonName: "other" });
});

afterAll(() => dir[Symbol.dispose]());

function judged(files: Partial<CertificateFiles> = {}, atMs = nowMs): ServerCertificate {
  const all = { ...good, clientCa: undefined, ...files };
  const [cert, key] = [readFileSync(all.cert), readFileSync(all.key)];
  const clientCa = all.clientCa === undefined ? undefined : readFileSync(all.clientCa);
  return judgeCertificate({ cert, key, clientCa }, all, atMs);
}

/** What is said, with the folder of the test left out. */
function refusal(files: Partial<CertificateFiles>, atMs?: number): string {
  try {
    judged(files, atMs);
  } catch (error) {
    expect(error).toBeInstanceOf(WatchpostError);
    expect((error as WatchpostError).status).toBe("FAILED_PRECONDITION");
    return (error as Error).message.replaceAll(`${dir.path}/`, "");
  }
  return "taken";
}

/** A file of several, in this order. */
function joined(name: string, ...files: string[]): string {
  return written(name, files.map((file) => readFileSync(file, "utf8")).join(""));
}

function written(name: string, text: string): string {
  const path = join(dir.path, name);
  writeFileSync(path, text);
  return path;
}

testTls("a good one tells whom it is for and until when", () => {
  const { names, notAfterMs, fingerprint, warnings } = judged();
  expect(names).toEqual(["localhost", "127.0.0.1"]);
  expect(notAfterMs).toBeGreaterThan(nowMs);
  const [, printed] = /Fingerprint=(.*)/.exec(openssl("x509", "-in", good.cert, "-noout", "-fingerprint", "-sha256"))!;
  expect(fingerprint).toBe(printed.replaceAll(":", "").toLowerCase());
  expect(warnings).toEqual([]);
});

testTls("a chain is taken with the server's own certificate first, and refused in another order", () => {
  expect(judged({ cert: joined("chain.pem", good.cert, authority.cert) }).names).toContain("localhost");
  expect(refusal({ cert: joined("reversed.pem", authority.cert, good.cert) })).toBe(
    "tls.cert (reversed.pem) does not begin with the server's own certificate; wanted it first, then its authorities",
  );
});

testTls("certificate and key may be in one file, with lines of text around them", () => {
  const bags = [good.cert, authority.cert, good.key].map((file) => `Bag Attributes\n${readFileSync(file, "utf8")}`);
  const path = written("one.pem", bags.join(""));
  expect(judged({ cert: path, key: path }).names).toContain("localhost");
});

testTls("a key of another certificate is refused", () => {
  expect(refusal({ key: other.key })).toBe(
    "tls.key (authority/2.key) is not the key of tls.cert (authority/1.pem); wanted a certificate and the key that it was made for",
  );
});

testTls("what is no certificate, or no key, is told from one that cannot be read", () => {
  const text = written("text.pem", "hello\n");
  expect(refusal({ cert: text })).toBe(
    "tls.cert (text.pem) has no certificate in PEM (-----BEGIN CERTIFICATE-----); wanted the server's certificate",
  );
  expect(refusal({ cert: good.key, key: good.cert })).toBe(
    "tls.cert (authority/1.key) has a key and no certificate; wanted the server's certificate",
  );
  expect(refusal({ key: text })).toBe(
    "tls.key (text.pem) has no private key in PEM (-----BEGIN PRIVATE KEY-----); wanted that of tls.cert",
  );
  const damaged = written("damaged.pem", readFileSync(good.cert, "utf8").replace(/\nM/, "\nQ"));
  expect(refusal({ cert: damaged })).toMatch(/^tls.cert \(damaged.pem\) cannot be read: .*; is it damaged\?/);
  const damagedKey = written("damaged.key", readFileSync(good.key, "utf8").replace(/\nM/, "\nQ"));
  expect(refusal({ key: damagedKey })).toMatch(/^tls.key \(damaged.key\) cannot be read: .*; is it damaged\?/);
});

testTls("a key with a passphrase is refused with the command that takes it off", () => {
  const path = join(dir.path, "locked.key");
  openssl("pkey", "-in", good.key, "-aes128", "-passout", "pass:secret", "-out", path);
  expect(refusal({ key: path })).toBe(
    "tls.key (locked.key) has a passphrase; wanted it without one, as 'openssl pkey -in locked.key -out FILE' makes it",
  );
});

testTls("an expired one is refused, one that is not valid yet is warned of: clocks of gateways may be behind", () => {
  const { notAfterMs } = judged();
  expect(refusal({}, notAfterMs)).toMatch(
    /^tls.cert \(authority\/1.pem\) expired at \d{4}-\d\d-\d\d \d\d:\d\d UTC; get a new certificate and put it there$/,
  );
  expect(refusal({}, notAfterMs - 1)).toBe("taken");
  const [warning] = judged({}, nowMs - 3 * DAY_MS).warnings;
  expect(warning).toContain("clients refuse it; is the clock right?");
});

testTls("one for clients is refused, one without names is warned of", () => {
  expect(refusal(authority.issue({ purpose: "clientAuth" }))).toContain("is not for servers");
  expect(judged(authority.issue({ names: [] })).warnings.join()).toContain("has no subjectAltName");
});

testTls("authorities of clients have to be authorities, and one of them valid", () => {
  expect(judged({ clientCa: authority.cert }).clientCa).toEqual(readFileSync(authority.cert));
  expect(refusal({ clientCa: other.cert })).toBe(
    "tls.client_ca (authority/2.pem) has a certificate that is no authority's (CN=other); wanted authorities",
  );
  const late = authority.issue({ until: new Date(nowMs + 3_650 * DAY_MS) });
  const afterAuthority = nowMs + 60 * DAY_MS;
  expect(refusal({ ...late, clientCa: authority.cert }, afterAuthority)).toContain(
    "has only authorities that have expired",
  );
});

test("names of a certificate are told as people write them", () => {
  const text = "DNS:gw.example.org, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:0:7, IP Address:10.0.0.7";
  const names = ["gw.example.org", "::1", "fd00::7", "10.0.0.7"];
  expect(alternativeNames(text, ["DNS", "IP Address"])).toEqual(names);
});
