/** The certificate of both ports: whether the server takes it, and for how long it is good. */
import { readFileSync, statSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../model/errors.ts";
import { judgeCertificate, timeOf } from "../../transport/server-certificate.ts";
import { findings, type Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
/** As the server's log and status do. */
const WARN_BEFORE_MS = 14 * DAY_MS;
const READABLE_BY_ALL = 0o004;

export function checkCertificate({ tls }: Pick<Config, "tls">, nowMs: number): Finding[] {
  const { ok, warning, problem } = findings("certificate");
  const { cert, key, client_ca: clientCa } = tls;
  if (cert === undefined || key === undefined) return [];
  try {
    const pem = {
      cert: readFileSync(cert),
      key: readFileSync(key),
      clientCa: clientCa === undefined ? undefined : readFileSync(clientCa),
    };
    const { notAfterMs, names, warnings } = judgeCertificate(pem, { cert, key, clientCa }, nowMs);
    const text = `${cert} is good for ${names.join(", ")} until ${timeOf(notAfterMs)}`;
    const isNear = notAfterMs - nowMs < WARN_BEFORE_MS;
    const advice = "put a new one in its place: the server takes it within seconds";
    const found: Finding[] = [isNear ? warning(text, advice) : ok(text), ...warnings.map((each) => warning(each))];
    if ((statSync(key).mode & READABLE_BY_ALL) !== 0) {
      found.push(warning(`${key} can be read by every user of this machine`, `chmod 600 ${key}`));
    }
    return found;
  } catch (error) {
    return [problem(messageOf(error), "the server does not start with it; docs/security.md says how to make one")];
  }
}
