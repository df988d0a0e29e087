/** What a connection to a broker failed of, in words without anything secret. */
import { certificateCode } from "../../model/certificate-fault.ts";
import { truncated } from "../../model/errors.ts";

const UNRESOLVED = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EDNS"]);
const NO_HANDSHAKE = new Set(["EPROTO", "ETLS", "ERR_SSL_WRONG_VERSION_NUMBER"]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|HOSTNAME_MISMATCH|^CRL_|^ERR_TLS_/;
const LOGIN_REFUSED = new Set([0x04, 0x05, 0x86, 0x87]);
const VERSION_REFUSED = new Set([0x01, 0x84]);

export function connectionFailure(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === "number") {
    const shown = `0x${code.toString(16).padStart(2, "0")}`;
    if (LOGIN_REFUSED.has(code)) return `the broker refused the login (${shown}): wanted another username or password`;
    if (VERSION_REFUSED.has(code))
      return `the broker does not speak this version of MQTT (${shown}): try version = "3.1.1"`;
    const { message } = error as { message?: unknown };
    return `the broker refused the connection: ${truncated(String(message), 100)} (${shown})`;
  }
  if (code === undefined) {
    const { message } = (error ?? {}) as { message?: unknown };
    return typeof message === "string" ? truncated(message, 200) : "unknown failure";
  }
  if (CERTIFICATE.test(code)) return `its certificate is not accepted: ${certificateCode(code)}`;
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (UNRESOLVED.has(code)) return `its name cannot be resolved: ${code}`;
  if (NO_HANDSHAKE.has(code)) return "no TLS connection: does it speak TLS at this port?";
  return `it cannot be reached: ${code}`;
}

function codeOf(error: unknown): string | number | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === "number" || (typeof code === "string" && /^\w+$/.test(code))) return code;
  return cause === undefined ? undefined : codeOf(cause);
}
