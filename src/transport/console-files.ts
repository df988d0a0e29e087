/** The files of the console, as they are sent: packed once, and cached by browsers for as long as their names stay. */
import type { HTMLBundle } from "bun";
import { basename } from "node:path";

interface ConsoleFile {
  readonly plain: Uint8Array<ArrayBuffer>;
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
  readonly #bundle: HTMLBundle;
  #files: Promise<ReadonlyMap<string, ConsoleFile>> | undefined;

  constructor(bundle: HTMLBundle) {
    this.#bundle = bundle;
  }

  /** The page itself, whatever part of the console its address names. */
  page(request: Request): Promise<Response> {
    return this.#answer("index.html", request).then((response) => response!);
  }

  /** Undefined where there is no such file. */
  async file(pathname: string, request: Request): Promise<Response | undefined> {
    return pathname.lastIndexOf("/") === 0 ? this.#answer(pathname.slice(1), request) : undefined;
  }

  async #answer(name: string, request: Request): Promise<Response | undefined> {
    this.#files ??= filesOf(this.#bundle);
    const file = (await this.#files).get(name);
    if (file === undefined) return undefined;
    if (request.headers.get("if-none-match") === file.headers["etag"])
      return new Response(null, { status: 304, headers: file.headers });
    const isPacked = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
    const headers = isPacked ? { ...file.headers, "content-encoding": "gzip" } : file.headers;
    return new Response(isPacked ? file.packed : file.plain, { headers });
  }
}

async function filesOf(bundle: HTMLBundle): Promise<ReadonlyMap<string, ConsoleFile>> {
  const files = new Map<string, ConsoleFile>();
  for (const { name, bytes, type } of await contentsOf(bundle)) {
    const isPage = name.endsWith(".html");
    const caching = isPage ? PAGE_HEADERS : { "cache-control": "public, max-age=31536000, immutable" };
    const etag = `"${Bun.hash(bytes).toString(36)}"`;
    const headers = { ...COMMON_HEADERS, ...caching, "content-type": type, etag };
    files.set(isPage ? "index.html" : name, { plain: bytes, packed: Bun.gzipSync(bytes, { level: 9 }), headers });
  }
  return files;
}

interface Content {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** In the executable they are there; from the sources they are made when they are asked for first. */
async function contentsOf({ files, index }: HTMLBundle): Promise<readonly Content[]> {
  if (files !== undefined) {
    return Promise.all(
      files.map(async ({ path, headers }) => {
        return { name: basename(path), bytes: await Bun.file(path).bytes(), type: headers["content-type"] };
      }),
    );
  }
  const { outputs } = await Bun.build({ entrypoints: [index], minify: true });
  return Promise.all(
    outputs.map(async (output) => ({
      name: basename(output.path),
      bytes: new Uint8Array(await output.arrayBuffer()),
      type: output.type,
    })),
  );
}
