import { WatchpostError } from "./errors.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Only this machine can reach it. */
  readonly isLoopback: boolean;
}

/** "host:port", "[::1]:port" or ":port" (all interfaces). Throws INVALID_ARGUMENT with the value. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    const wanted = 'wanted host:port, such as "127.0.0.1:50051", "[::1]:0" or ":8080"';
    throw new WatchpostError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no address; ${wanted}`);
  }
  const host = bracketed ?? (plain === "" ? "0.0.0.0" : plain);
  const isLoopback = host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
  return { host, port, isLoopback };
}

/** host:port, as a client writes it. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
