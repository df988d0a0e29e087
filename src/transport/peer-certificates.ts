/** The certificate that a client has shown on its connection, of which every call asks. */
import type { Http2Session } from "node:http2";
import { TLSSocket, type PeerCertificate as NodeCertificate } from "node:tls";
import { certificateFault } from "../model/certificate-fault.ts";
import { WatchpostError } from "../model/errors.ts";
import type { PeerCertificate } from "../model/peer-certificate.ts";
import { alternativeNames, fingerprintOf } from "./server-certificate.ts";

/** At most one of both. */
export interface ShownCertificate {
  /** Signed by an authority of `tls.client_ca`, for clients, and valid when the connection was made. */
  readonly certificate?: PeerCertificate;
  /** One was shown that is none of those: who shows it is not taken for somebody without one. */
  readonly refusal?: WatchpostError;
}

const NONE: ShownCertificate = {};
const bySession = new WeakMap<Http2Session, ShownCertificate>();

export function shownCertificate(session: Http2Session | undefined): ShownCertificate {
  if (session === undefined) return NONE;
  let shown = bySession.get(session);
  if (shown === undefined) bySession.set(session, (shown = shownOn(session.socket)));
  return shown;
}

function shownOn(socket: unknown): ShownCertificate {
  if (!(socket instanceof TLSSocket)) return NONE;
  const shown = socket.getPeerCertificate() as NodeCertificate | null;
  if (shown?.raw === undefined) return NONE;
  if (socket.authorized) return { certificate: certificateOf(shown) };
  const reason = String(socket.authorizationError);
  const why = reason.includes("INVALID_PURPOSE") ? "it is not for clients" : (certificateFault(reason) ?? reason);
  const message = `the client's certificate (${nameOf(shown)}) is not accepted: ${why}; wanted one of the server's tls.client_ca, or none`;
  return { refusal: new WatchpostError("UNAUTHENTICATED", message) };
}

function certificateOf(shown: NodeCertificate): PeerCertificate {
  return {
    commonName: nameOf(shown),
    dnsNames: alternativeNames(shown.subjectaltname ?? "", ["DNS"]),
    fingerprint: fingerprintOf(shown),
    serialNumber: shown.serialNumber,
    notAfterMs: Date.parse(shown.valid_to),
  };
}

/** The first, where it has more than one. */
function nameOf({ subject }: NodeCertificate): string {
  const name: unknown = subject?.CN;
  return String((Array.isArray(name) ? name[0] : name) ?? "");
}
