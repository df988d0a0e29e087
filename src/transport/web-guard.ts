/**
 * Which requests browsers may be made to send. A page from elsewhere can reach whatever this machine reaches: by its own address,
 * which its header Origin tells, or by a name that suddenly stands for this machine, which Host tells (DNS rebinding).
 */
import { originHeaders, type AllowedOrigins } from "../model/origins.ts";
import { parseAddress } from "../model/address.ts";

export interface WebGuardOptions {
  /** host:port, as bound. */
  readonly address: string;
  /** Names that it is reached by, besides. */
  readonly hosts: readonly string[];
  /** Of pages that may read /live. */
  readonly origins: AllowedOrigins;
  /** The name of this machine. */
  readonly hostname: string;
  /** Whether every call must prove who makes it: then it does not matter which name it came by. */
  asksWho(): boolean;
}

const LIVE = "/live";

/** Why it is refused, in a sentence; undefined: it is not. */
export type WebGuard = (request: Request, pathname: string) => string | undefined;

export function webGuard({ address, hosts, origins, hostname, asksWho }: WebGuardOptions): WebGuard {
  const bound = parseAddress(address);
  const named = new Set([...hosts, hostname, bound.host].map((host) => host.toLowerCase()));
  const isKnown = (host: string) =>
    isLoopback(host) || named.has(host) || (!bound.isLoopback && (isNumeric(host) || isOfThisNetwork(host)));
  return (request, pathname) => {
    const given = request.headers.get("host");
    if (given !== null && !asksWho()) {
      const host = URL.parse(`http://${given}`)?.hostname ?? "";
      if (!isKnown(host)) {
        return `this server is not called ${JSON.stringify(given)}; wanted a name of this machine, or one that the setting http_hosts lists`;
      }
    }
    const origin = request.headers.get("origin");
    if (origin === null && isEmbedded(request.headers)) {
      return `what is at ${pathname} may not be part of a page of elsewhere`;
    }
    if (origin === null || isOwn(origin, given, request.url)) return undefined;
    if (pathname === LIVE && "access-control-allow-origin" in originHeaders(origin, origins)) return undefined;
    return `pages of ${JSON.stringify(origin)} may not call this server; wanted its own, or for ${LIVE} one that the setting live.origins lists`;
  };
}

/** Whoever is on the way can make pages of a host's port 80. Where a proxy speaks TLS its pages come here without. */
function isOwn(origin: string, host: string | null, url: string): boolean {
  const page = URL.parse(origin);
  return page?.host === host && (page?.protocol === "https:" || !url.startsWith("https:"));
}

/** As a picture or a script, for which browsers say no Origin, but this. */
function isEmbedded(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  return headers.get("sec-fetch-mode") === "no-cors" && (site === "cross-site" || site === "same-site");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Nobody can make an address stand for another machine. */
function isNumeric(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** No name that somebody elsewhere could have made. */
function isOfThisNetwork(host: string): boolean {
  return !host.includes(".") || host.endsWith(".local");
}
