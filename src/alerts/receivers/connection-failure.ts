import { certificateCode } from "../../model/certificate-fault.ts";
import type { WatchpostError } from "../../model/errors.ts";
import { refused, tryAgain } from "./delivery-error.ts";

const UNRESOLVED = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EDNS", "ETIMEOUT"]);
const CUT = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ERR_STREAM_PREMATURE_CLOSE"]);
const NO_HANDSHAKE = new Set(["EPROTO", "ETLS", "ERR_SSL_WRONG_VERSION_NUMBER"]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|HOSTNAME_MISMATCH|^CRL_|^ERR_TLS_/;

const NOT_HTTP = /^Malformed_HTTP|^HPE_|^InvalidHTTP/;

/**
 * What a connection to `where` (no more than scheme, host and port) failed of, in words of its own: those of the thrown
 * error may hold the whole URL. A certificate that is not accepted is not tried again; all else may be gone soon.
 */
export function connectionFailure(error: unknown, where: string): WatchpostError {
  const code = codeOf(error);
  if (CERTIFICATE.test(code)) return refused(`the certificate of ${where} is not accepted: ${certificateCode(code)}`);
  if (code === "ECONNREFUSED") return tryAgain(`${where} refused the connection: does it run, and at this port?`);
  if (UNRESOLVED.has(code)) return tryAgain(`the name of ${where} cannot be resolved: ${code}`);
  if (CUT.has(code)) return tryAgain(`${where} closed the connection before it answered`);
  if (NO_HANDSHAKE.has(code)) return tryAgain(`no TLS connection to ${where}: does it speak TLS at this port?`);
  if (NOT_HTTP.test(code)) return tryAgain(`${where} answers what is not HTTP`);
  return tryAgain(`${where} cannot be reached: ${code}`);
}

/** The code nearest to the cause; where there is none, the kind of error. */
function codeOf(error: unknown): string {
  const { code, originalCode, cause, name } = (error ?? {}) as Record<string, unknown>;
  for (const each of [originalCode, code]) if (typeof each === "string" && /^\w+$/.test(each)) return each;
  if (cause !== undefined) return codeOf(cause);
  return typeof name === "string" && /^\w+$/.test(name) ? name : "unknown failure";
}
