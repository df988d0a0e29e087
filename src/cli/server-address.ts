import { isIPv6 } from "node:net";
import { formatAddress, parseAddress } from "../model/address.ts";
import { WatchpostError } from "../model/errors.ts";

/** The gRPC address of a server as a client names it. Throws INVALID_ARGUMENT with `name`, which is what it was given by. */
export function serverAddress(name: string, text: string): string {
  try {
    const { host, port } = parseAddress(text);
    if (isHost(host) && port > 0 && !text.trim().startsWith(":")) return formatAddress(host, port);
  } catch {
    // Said below, with what a client can mean.
  }
  const without = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text.trim());
  const hint = without === null ? "" : `, without ${JSON.stringify(without[0])} before it`;
  const wanted = `wanted the server's gRPC address as host:port, such as "127.0.0.1:50051"${hint}`;
  throw new WatchpostError("INVALID_ARGUMENT", `${name} is ${JSON.stringify(text)}; ${wanted}`);
}

function isHost(host: string): boolean {
  return isIPv6(host) || /^[\p{L}\p{N}._-]+$/u.test(host);
}
