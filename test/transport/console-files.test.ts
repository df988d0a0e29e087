/** The files of the console, made from the sources as they are asked for first. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { consoleContent } from "../../src/app/console-content.ts";
import { ConsoleFiles } from "../../src/transport/console-files.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";

const BYTES_MAX = 150 * 1024;
const AS_BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
let server: Awaited<ReturnType<typeof startWebServer>>;
let base = "";

beforeAll(async () => {
  server = await startWebServer({
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

test("files are packed and small, cached by their names; the page is asked for again", async () => {
  const names = await filesOfPage();
  expect(names.length).toBeGreaterThanOrEqual(2);
  let bytes = 0;
  for (const name of names) {
    const response = await fetch(`${base}/${name}`, { headers: { "accept-encoding": "gzip" }, decompress: false });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.get("cache-control")).toContain("immutable");
    bytes += (await response.bytes()).byteLength;
    const plain = await fetch(`${base}/${name}`, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
  }
  expect(bytes).toBeLessThan(BYTES_MAX);
  const page = await fetch(base, { headers: AS_BROWSER });
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const again = await fetch(base, { headers: { ...AS_BROWSER, "if-none-match": page.headers.get("etag")! } });
  expect(again.status).toBe(304);
});
