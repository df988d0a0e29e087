/** `[tls]`: the certificate of both ports, and whether clients have to show one. */
import { z } from "zod";
import { choice, flag, path, type Problem } from "./leaves.ts";

export const tlsSettings = z.strictObject({
  cert: path(),
  key: path(),
  client_ca: path(),
  client_certificates: choice("required", "optional"),
  http2: flag(),
});

export const TLS_DEFAULTS = {
  cert: "none",
  key: "none",
  client_ca: "none",
  client_certificates: "required",
  http2: true,
};

/** Between settings that are right by themselves. */
export function tlsContradictions(given: unknown): Problem[] {
  const tls = tlsSettings.safeParse(given).data;
  if (tls === undefined) return [];
  const problems: Problem[] = [];
  if (tls.cert !== undefined && tls.key === undefined) {
    problems.push({ key: "tls.key", wanted: "wanted the file of the key that belongs to tls.cert" });
  }
  if (tls.key !== undefined && tls.cert === undefined) {
    problems.push({ key: "tls.cert", wanted: "wanted the file of the certificate that tls.key belongs to" });
  }
  if (tls.client_ca !== undefined && tls.cert === undefined) {
    problems.push({ key: "tls.client_ca", wanted: "wanted together with tls.cert and tls.key" });
  }
  return problems;
}
