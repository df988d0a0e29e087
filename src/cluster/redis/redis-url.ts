/** The address of a Redis, as it is written in settings. Pure. */
export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisAddress {
  /** One server; the one that sentinels say is the master; any of a Redis Cluster. */
  readonly kind: "single" | "sentinel" | "cluster";
  /** At least one; of a single server one. */
  readonly hosts: readonly RedisHost[];
  /** Whether over TLS. */
  readonly isEncrypted: boolean;
  /** "": the default user. */
  readonly user: string;
  /** "": none. */
  readonly password: string;
  /** Of a single server, or of the one behind sentinels. */
  readonly database: number;
  /** Of the master among sentinels; "" otherwise. */
  readonly master: string;
}

const SCHEMES = new Map<string, Pick<RedisAddress, "kind" | "isEncrypted">>([
  ["redis:", { kind: "single", isEncrypted: false }],
  ["rediss:", { kind: "single", isEncrypted: true }],
  ["redis+sentinel:", { kind: "sentinel", isEncrypted: false }],
  ["rediss+sentinel:", { kind: "sentinel", isEncrypted: true }],
  ["redis+cluster:", { kind: "cluster", isEncrypted: false }],
  ["rediss+cluster:", { kind: "cluster", isEncrypted: true }],
]);
const URL_SHAPE = /^([a-z+]+:)\/\/(?:([^@]*)@)?([^/?#@]+)(?:\/([^?#]*))?$/;
const [REDIS_PORT, SENTINEL_PORT] = [6379, 26_379];
const DATABASES_MAX = 16_384;

/** What is wanted, in words. */
export const WANTED_REDIS_URL =
  '"none" or an address such as "redis://cache.example.org:6379", "rediss://user:password@host", "redis+sentinel://one,two:26379/mymaster" or "redis+cluster://one:7000,two:7000"';

/** undefined for what is none. A database, or the name of a master and then a database, stand behind the hosts. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [, scheme, login = "", hostsText, path = ""] = URL_SHAPE.exec(text) ?? [];
  const way = SCHEMES.get(scheme ?? "");
  if (way === undefined) return undefined;
  const hosts = hostsText.split(",").map((each) => hostIn(each, way.kind === "sentinel" ? SENTINEL_PORT : REDIS_PORT));
  if (hosts.includes(undefined) || (way.kind === "single" && hosts.length > 1)) return undefined;
  const [user, password] = loginIn(login) ?? [];
  if (user === undefined || password === undefined) return undefined;
  const parts = path === "" ? [] : path.split("/");
  const master = way.kind === "sentinel" ? parts.shift() : "";
  if (master === undefined || (way.kind === "sentinel" && master === "")) return undefined;
  const database = parts.length === 0 ? 0 : Number(parts.shift());
  const isDatabase = Number.isInteger(database) && database >= 0 && database < DATABASES_MAX;
  if (!isDatabase || parts.length > 0 || (way.kind === "cluster" && database !== 0)) return undefined;
  return { ...way, hosts: hosts as RedisHost[], user, password, database, master };
}

/** Without what only those who connect should know. */
export function shownRedisUrl(text: string): string {
  return text.replace(/\/\/[^@]*@/, "//…@");
}

function hostIn(text: string, portDefault: number): RedisHost | undefined {
  const [, ipv6, name, portText] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::([0-9]+))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = portText === undefined ? portDefault : Number(portText);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** User and password, which may be written with percent signs. */
function loginIn(text: string): [user: string, password: string] | undefined {
  const colon = text.indexOf(":");
  try {
    if (colon < 0) return [decodeURIComponent(text), ""];
    return [decodeURIComponent(text.slice(0, colon)), decodeURIComponent(text.slice(colon + 1))];
  } catch {
    return undefined;
  }
}
