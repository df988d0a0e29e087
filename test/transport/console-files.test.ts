/** The files of the console, made from the sources as they are asked for first. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { consoleContent } from "../../src/app/console-content.ts";
import { ConsoleFiles } from "../../src/transport/console-files.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { OPEN } from "../support/open-gate.ts";

const BYTES_MAX = 150 * 1024;
const AS_BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
let server: Awaited<ReturnType<typeof startWebServer>>;
let base = "";

beforeAll(async () => {
  server = await startWebServer({
    ...OPEN,
    address: "127.0.0.1:0",
    methods: [],
    health: new HealthState(),
    received: new ReceivedBytes(1024 * 1024),
    origins: [],
    console: new ConsoleFiles(consoleContent),
    metricsText: async () => "",
  });
  base = `http://${server.address}`;
});

afterAll(() => server.drain(0));

async function filesOfPage(): Promise<string[]> {
  const html = await (await fetch(base, { headers: AS_BROWSER })).text();
  return [...html.matchAll(/(?:src|href)="\.?\/?([^"]+\.(?:js|css))"/g)].map(([, name]) => name);
}

const LATE_IMPORT = /\bimport\("[./]*([^"]+\.js)"\)/g;
const IMPORT = /(?:\bfrom|\bimport) ?"[./]*([^"]+\.js)"/g;

function packed(name: string): Promise<Response> {
  return fetch(`${base}/${name}`, { headers: { "accept-encoding": "gzip" }, decompress: false });
}

/** These files and those without which they do not run: their size as it is sent. */
async function withImports(names: readonly string[]) {
  const found = new Map<string, { readonly text: string; readonly bytes: number }>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    const bytes = new Uint8Array(await (await packed(name)).arrayBuffer());
    const text = new TextDecoder().decode(Bun.gunzipSync(bytes));
    found.set(name, { text, bytes: bytes.byteLength });
    queue.push(...[...text.matchAll(IMPORT)].map(([, each]) => each));
  }
  return found;
}

test("a browser gets the page at any address of it, a program the list of calls", async () => {
  for (const path of ["/", "/explore?metric=t", "/devices/pump%2F1"]) {
    const page = await fetch(base + path, { headers: AS_BROWSER });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html;charset=utf-8"]);
    const html = await page.text();
    expect(html).toContain('<div id="app">');
    // From the root: an address may have parts.
    expect(html).toContain('src="/');
  }
  expect(await (await fetch(base)).text()).toContain("Connect and gRPC-Web");
  expect((await fetch(`${base}/explore`)).status).toBe(404);
  expect((await fetch(`${base}/nothing.js`)).status).toBe(404);
});

test("nothing but its own files runs in it, and other pages cannot show it", async () => {
  const page = await fetch(base, { headers: AS_BROWSER });
  const policy = page.headers.get("content-security-policy")!;
  expect(policy).not.toContain("unsafe");
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"])
    expect(policy).toContain(part);
  expect(await page.text()).not.toMatch(/<script(?![^>]*\bsrc=)|\bon\w+=|<style/);
});

test("files are packed, cached by their names; the page is asked for again", async () => {
  const names = await filesOfPage();
  expect(names.length).toBeGreaterThanOrEqual(2);
  for (const name of names) {
    const response = await packed(name);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.get("cache-control")).toContain("immutable");
    const plain = await fetch(`${base}/${name}`, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
  }
  const page = await fetch(base, { headers: AS_BROWSER });
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const again = await fetch(base, { headers: { ...AS_BROWSER, "if-none-match": page.headers.get("etag")! } });
  expect(again.status).toBe(304);
});

test("whatever part of it is opened first, what has to be loaded for that is small", async () => {
  const first = await withImports(await filesOfPage());
  const entry = [...first.keys()].find((name) => name.endsWith(".js"))!;
  const parts = [...first.get(entry)!.text.matchAll(LATE_IMPORT)].map(([, name]) => name);
  expect(parts.length).toBeGreaterThanOrEqual(6);
  const sizes: number[] = [];
  for (const part of parts) {
    const all = new Map([...first, ...(await withImports([part]))]);
    sizes.push([...all.values()].reduce((sum, { bytes }) => sum + bytes, 0));
  }
  expect(Math.max(...sizes)).toBeLessThan(BYTES_MAX);
});
