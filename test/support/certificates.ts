/** Certificates that tests make for themselves, with openssl. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of PEM files. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWish {
  readonly commonName?: string;
  /** As openssl writes them: "DNS:localhost", "IP:127.0.0.1". */
  readonly names?: readonly string[];
  readonly purpose?: "serverAuth" | "clientAuth" | "serverAuth,clientAuth";
  readonly from?: Date;
  readonly until?: Date;
}

const LOCAL = ["DNS:localhost", "IP:127.0.0.1"];
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const DAY_MS = 24 * 3_600_000;

/** An authority that signs what it is asked to. Its files are in `dir`, which exists. */
export class TestAuthority {
  readonly cert: string;
  readonly #dir: string;
  readonly #key: string;
  #serial = 0;

  constructor(dir: string, name = "authority") {
    this.#dir = join(dir, name);
    mkdirSync(this.#dir);
    this.cert = join(this.#dir, "ca.pem");
    this.#key = join(this.#dir, "ca.key");
    const usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    const files = ["-keyout", this.#key, "-out", this.cert];
    openssl("req", "-x509", ...KEY, "-days", "30", ...files, "-subj", `/CN=${name}`, ...usage);
    writeFileSync(join(this.#dir, "index.txt"), "");
    writeFileSync(join(this.#dir, "serial"), "01\n");
    writeFileSync(join(this.#dir, "ca.conf"), configOf(this.#dir));
  }

  issue(wish: CertificateWish = {}): TestCertificate {
    const { commonName = "server", names = LOCAL, purpose = "serverAuth" } = wish;
    const { from = new Date(Date.now() - DAY_MS), until = new Date(Date.now() + 30 * DAY_MS) } = wish;
    const base = join(this.#dir, `${++this.#serial}`);
    const [cert, key, request] = [`${base}.pem`, `${base}.key`, `${base}.csr`];
    const alternative = names.length === 0 ? [] : ["-addext", `subjectAltName=${names.join(",")}`];
    const extensions = [...alternative, "-addext", `extendedKeyUsage=${purpose}`];
    openssl("req", ...KEY, "-keyout", key, "-out", request, "-subj", `/CN=${commonName}`, ...extensions);
    const dates = ["-startdate", asn1Time(from), "-enddate", asn1Time(until)];
    const config = ["-config", join(this.#dir, "ca.conf"), "-cert", this.cert, "-keyfile", this.#key];
    openssl("ca", "-batch", "-notext", ...config, ...dates, "-in", request, "-out", cert);
    return { cert, key };
  }
}

export function selfSigned(dir: string, name = "self-signed"): TestCertificate {
  const [cert, key] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  const names = ["-subj", "/CN=localhost", "-addext", `subjectAltName=${LOCAL.join(",")}`];
  openssl("req", "-x509", ...KEY, "-days", "30", "-keyout", key, "-out", cert, ...names);
  return { cert, key };
}

export function openssl(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...args]);
  if (exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** "20260131120000Z". */
function asn1Time(date: Date): string {
  return `${date.toISOString().replaceAll(/\D/g, "").slice(0, 14)}Z`;
}

function configOf(dir: string): string {
  return `[ca]
default_ca = here
[here]
database = ${dir}/index.txt
serial = ${dir}/serial
new_certs_dir = ${dir}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
`;
}
