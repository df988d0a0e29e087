/** Why there is no connection to a server, by what grpc-js tells of its last attempt: what no waiting changes is FAILED_PRECONDITION. */
import { certificateFault } from "../model/certificate-fault.ts";
import { WatchpostError } from "../model/errors.ts";

/** Of a peer whose first bytes are no HTTP/2: it will not be another one the next time. */
export const OTHER_PROTOCOL =
  "what answers does not speak gRPC; wanted the server's gRPC address (port 50051 by default), is this its HTTP address?";
export const NOT_ACCEPTED = "its certificate is not accepted";
export const NO_TLS = "what answers does not speak TLS; is TLS off there, or is this the port of another program?";
export const WANTS_CERTIFICATE = "it wants a certificate of the client, and was shown none";
/** Between the connection and the first answer: by a server that wants TLS, or another certificate, or by one that stops. */
export const CLOSED_EARLY = "it closed the connection before it spoke gRPC";
const REFUSED = "it refused the TLS connection";
const OLD_TLS = "it speaks no version of TLS from 1.2 on";
const LASTING: ReadonlySet<string> = new Set([OTHER_PROTOCOL, NO_TLS, WANTS_CERTIFICATE, OLD_TLS]);

/** Whether a message is one of {@link connectFault} that no waiting changes: there is no connection, and the other side has heard nothing. */
export function isLastingFault(message: string): boolean {
  return LASTING.has(message) || message.startsWith(NOT_ACCEPTED) || message.startsWith(REFUSED);
}

/** Of web servers, which know no such call. */
const NOT_GRPC = /^Received HTTP status code (?:404|405|415)\b/;
const ALERT = /OPENSSL_internal:(?:SSLV3|TLSV1)_ALERT_([A-Z_]+)/;

/** Undefined where `details` is about something else. */
export function connectFault(details: string): WatchpostError | undefined {
  if (NOT_GRPC.test(details)) return new WatchpostError("FAILED_PRECONDITION", OTHER_PROTOCOL);
  const [, last] = /^No connection established\. Last error: (.*?) Resolution note:/s.exec(details) ?? [];
  if (last === undefined) return undefined;
  // When it was, and what class of error it was, is nobody's concern.
  const reason = last.replace(/\.?(?: \(\d{4}-[^()]*\))?\.?$/, "");
  const lasting = lastingFault(reason);
  if (lasting !== undefined) return new WatchpostError("FAILED_PRECONDITION", lasting);
  const isClosed = reason === "Failed to connect" || reason.includes("disconnected before secure TLS connection");
  return isClosed ? new WatchpostError("UNAVAILABLE", CLOSED_EARLY) : undefined;
}

function lastingFault(reason: string): string | undefined {
  if (reason.startsWith("Protocol error") || reason === "h2 is not supported") return OTHER_PROTOCOL;
  if (reason.includes("OPENSSL_internal:WRONG_VERSION_NUMBER")) return NO_TLS;
  const [, alert] = ALERT.exec(reason) ?? [];
  if (alert === "CERTIFICATE_REQUIRED") return WANTS_CERTIFICATE;
  if (alert === "PROTOCOL_VERSION") return OLD_TLS;
  // Of the other side's own troubles, which may be over soon.
  if (alert === "INTERNAL_ERROR") return undefined;
  if (alert !== undefined) return `${REFUSED}: ${alert.toLowerCase().replaceAll("_", " ")}`;
  const fault = certificateFault(reason);
  return fault === undefined ? undefined : `${NOT_ACCEPTED}: ${fault}`;
}
