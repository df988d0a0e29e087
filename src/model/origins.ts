/**
 * Which web pages of elsewhere may read live values (CORS): none, unless the settings name some. Any page that is open in a browser on
 * this machine could read what is served on loopback otherwise.
 */
export type AllowedOrigins = readonly string[];

const [NONE, ANY] = ["none", "*"];
const LOCAL = "localhost";
const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** "none", "*" or "https://ops.example.org localhost": origins, "localhost" for pages of this machine, apart by spaces or commas. */
export function parseOrigins(text: string): AllowedOrigins | undefined {
  if (text.trim() === NONE) return [];
  const origins = text.split(/[\s,]+/).filter((origin) => origin !== "");
  const isExact = (origin: string) => !origin.includes(ANY) && URL.parse(origin)?.origin === origin;
  const isOrigin = (origin: string) => origin === ANY || origin === LOCAL || isExact(origin);
  return origins.every(isOrigin) ? origins : undefined;
}

/** The headers that let the page of `origin` read an answer; none when it may not, or is no page. */
export function originHeaders(origin: string | null, allowed: AllowedOrigins): Record<string, string> {
  const vary = { vary: "origin" };
  if (origin === null) return vary;
  const isLocal = LOCAL_HOSTS.has(URL.parse(origin)?.hostname ?? "");
  const may = allowed.includes(ANY) || allowed.includes(origin) || (isLocal && allowed.includes(LOCAL));
  return may ? { ...vary, "access-control-allow-origin": origin } : vary;
}
