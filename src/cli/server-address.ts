import { isIPv6 } from "node:net";
import { formatAddress, parseAddress } from "../model/address.ts";
import { WatchpostError } from "../model/errors.ts";

export interface ServerTarget {
  /** host:port. */
  readonly address: string;
  readonly isTls: boolean;
}

const HTTPS = /^https:\/\/(.*?)\/?$/i;
const HTTPS_PORT = 443;

/**
 * The gRPC address of a server as a client names it: host:port, or https://host:port, whose port is 443 where none is said.
 * Throws INVALID_ARGUMENT with `name`, which is what it was given by.
 */
export function serverTarget(name: string, text: string): ServerTarget {
  const given = text.trim();
  const [, secure] = HTTPS.exec(given) ?? [];
  const isTls = secure !== undefined;
  try {
    const { host, port } = parseAddress(isTls ? withPort(secure) : given);
    const hasHost = isHost(host) && !/^(?:https:\/\/)?(?::|$)/i.test(given);
    if (hasHost && port > 0) return { address: formatAddress(host, port), isTls };
  } catch {
    // Said below, with what a client can mean.
  }
  const without = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given);
  const hint = without === null || isTls ? "" : `, without ${JSON.stringify(without[0])} before it`;
  const wanted = `wanted the server's gRPC address as host:port, such as "127.0.0.1:50051"${hint}; over TLS as https://host:port`;
  throw new WatchpostError("INVALID_ARGUMENT", `${name} is ${JSON.stringify(text)}; ${wanted}`);
}

function withPort(host: string): string {
  return /:\d+$/.test(host.replace(/^\[.*\]/, "")) ? host : `${host}:${HTTPS_PORT}`;
}

function isHost(host: string): boolean {
  return isIPv6(host) || /^[\p{L}\p{N}._-]+$/u.test(host);
}
