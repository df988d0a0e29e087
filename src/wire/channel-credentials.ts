/** How a gRPC client speaks with a server: plainly, or over TLS. */
import { isIP } from "node:net";
import { getCACertificates } from "node:tls";
import { credentials, type ChannelCredentials } from "@grpc/grpc-js";
import { messageOf, WatchpostError } from "../model/errors.ts";

/** PEM. */
export interface ClientTls {
  /** Who may have signed the server's certificate; undefined: the authorities that are trusted on this machine. */
  readonly ca?: Buffer | undefined;
  /** What the client shows, and its key; both or none. */
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** Whom the server's certificate is to be for, where that is not the host of its address. */
  readonly serverName?: string | undefined;
}

/** Undefined: plainly. Throws FAILED_PRECONDITION where what stands in `tls` is no PEM, or the key is that of another certificate. */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { ca = trustedHere(), key = null, cert = null } = tls;
  try {
    return withoutAddressAsName(credentials.createSsl(ca, key, cert, { rejectUnauthorized: true }));
  } catch (error) {
    const message = `the files for TLS cannot be used: ${whatIsWrong(messageOf(error), tls)}`;
    throw new WatchpostError("FAILED_PRECONDITION", message, { cause: error });
  }
}

let trusted: Buffer | undefined;

/** Also the authorities that this machine was told to trust, as other programs have it. */
function trustedHere(): Buffer {
  return (trusted ??= Buffer.from(
    [...new Set([...getCACertificates("default"), ...getCACertificates("system")])].join("\n"),
  ));
}

function whatIsWrong(reason: string, { ca, cert }: ClientTls): string {
  if (reason.includes("KEY_VALUES_MISMATCH")) return "the key is not that of the client's certificate";
  if (reason.includes("Invalid CA")) return "the authorities are no certificates in PEM (-----BEGIN CERTIFICATE-----)";
  if (reason.includes("NO_START_LINE")) {
    const what = ca !== undefined && cert === undefined ? "the authorities are" : "the client's certificate or key is";
    return `${what} not in PEM (-----BEGIN …-----)`;
  }
  return reason;
}

/** What of grpc-js's credentials is not in their types; a test holds the pinned version to it. */
interface Connecting {
  _createSecureConnector(...args: unknown[]): { readonly connectionOptions?: { servername?: string } };
}

/** grpc-js gives the server's name with every connection, also where it is an address, which Bun refuses; checked it is all the same. */
function withoutAddressAsName(secure: ChannelCredentials): ChannelCredentials {
  const connecting = secure as unknown as Connecting;
  const create = connecting._createSecureConnector.bind(secure);
  connecting._createSecureConnector = (...args) => {
    const connector = create(...args);
    const { connectionOptions: options } = connector;
    if (options?.servername !== undefined && isIP(options.servername) !== 0) delete options.servername;
    return connector;
  };
  return secure;
}
