/** The files of the console, as they are sent: packed once, and cached by browsers for as long as their names stay. */
/** One of them, packed with gzip. */
export interface ConsoleContent {
  readonly name: string;
  readonly type: string;
  readonly packed: Uint8Array<ArrayBuffer>;
}

interface ConsoleFile {
  readonly packed: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Nothing but what the executable brings, and no code in a page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const PAGE_HEADERS = {
  "content-security-policy": POLICY,
  "cache-control": "no-cache",
  "cross-origin-opener-policy": "same-origin",
};
const COMMON_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  vary: "accept-encoding",
};

export class ConsoleFiles {
  readonly #load: () => Promise<readonly ConsoleContent[]>;
  #files: Promise<ReadonlyMap<string, ConsoleFile>> | undefined;

  constructor(load: () => Promise<readonly ConsoleContent[]>) {
    this.#load = load;
  }

  /** The page itself, whatever part of the console its address names. */
  page(request: Request): Promise<Response> {
    return this.#answer("index.html", request).then((response) => response!);
  }

  /** Undefined where there is no such file. */
  async file(pathname: string, request: Request): Promise<Response | undefined> {
    return pathname.lastIndexOf("/") === 0 ? this.#answer(pathname.slice(1), request) : undefined;
  }

  async scripts(): Promise<readonly string[]> {
    return [...(await this.#loaded()).keys()].filter((name) => name.endsWith(".js"));
  }

  #loaded(): Promise<ReadonlyMap<string, ConsoleFile>> {
    return (this.#files ??= this.#load().then(filesOf));
  }

  async #answer(name: string, request: Request): Promise<Response | undefined> {
    const file = (await this.#loaded()).get(name);
    if (file === undefined) return undefined;
    if (request.headers.get("if-none-match") === file.headers["etag"])
      return new Response(null, { status: 304, headers: file.headers });
    const isPacked = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
    const headers = isPacked ? { ...file.headers, "content-encoding": "gzip" } : file.headers;
    return new Response(isPacked ? file.packed : Bun.gunzipSync(file.packed), { headers });
  }
}

function filesOf(content: readonly ConsoleContent[]): ReadonlyMap<string, ConsoleFile> {
  const files = new Map<string, ConsoleFile>();
  for (const { name, type, packed } of content) {
    const isPage = name.endsWith(".html");
    const caching = isPage ? PAGE_HEADERS : { "cache-control": "public, max-age=31536000, immutable" };
    const etag = `"${Bun.hash(packed).toString(36)}"`;
    const headers = { ...COMMON_HEADERS, ...caching, "content-type": type, etag };
    files.set(isPage ? "index.html" : name, { packed, headers });
  }
  return files;
}
