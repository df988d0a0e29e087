/** A page behind a proxy that lets no WebSocket through. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { SLOTS_MAX } from "../../../src/console/stream-slots.ts";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";
import { furnish } from "../furnish.ts";

const test = testNeeding([CHROMIUM]);
const dir = tempDir("proxy");
let server: ServerProcess;
let proxy: Bun.Server<undefined>;
let streams = 0;
let streamsMost = 0;
/** What streams said to nginx. */
const unbuffered = new Set<string | null>();

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  proxy = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, idleTimeout: 0 },
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/tunnel") return new Response("no WebSockets here\n", { status: 400 });
      const isStream = request.headers.get("content-type") === "application/connect+proto";
      if (isStream) streamsMost = Math.max(streamsMost, ++streams);
      const { method, headers, signal } = request;
      if (isStream) signal.addEventListener("abort", () => streams--);
      const body = method === "POST" ? { body: await request.bytes() } : {};
      const url = `http://${server.http}${pathname}${search}`;
      const answer = await fetch(url, { method, headers, signal, decompress: false, ...body });
      if (isStream) unbuffered.add(answer.headers.get("x-accel-buffering"));
      return answer;
    },
  });
});

afterAll(async () => {
  await proxy?.stop(true);
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

test("calls go as plain requests, the page says what that costs, and what comes is live", async () => {
  await furnish(`http://${server.http}`, "pump");
  await using page = new Page();
  await page.open(`${proxy.url.href}devices`);
  await page.shows("No WebSocket gets through to the server");
  await page.shows("The pump");
  await page.shows(/\blive\b/);
  await page.go("/alerts");
  await page.shows("Leak at pump");
  expect(streamsMost).toBeGreaterThan(0);
  expect(streamsMost).toBeLessThanOrEqual(3);
  expect([...unbuffered]).toEqual(["no"]);
  // Another tab of the same browser is live, too, and both are answered.
  const other = { url: `${proxy.url.href}alerts`, background: true };
  const { targetId } = await page.tell<{ targetId: string }>("Target.createTarget", other);
  await page.until(async () => {
    const { targetInfos } = await page.tell<{ targetInfos: { url: string; title: string }[] }>("Target.getTargets");
    const own = targetInfos.filter(({ url }) => url.startsWith(proxy.url.href));
    return own.filter(({ title }) => /^\(\d+\) Alerts/.test(title)).length === 2;
  }, "had two live tabs");
  await page.go("/sessions");
  await page.shows("About pump");
  expect(streamsMost).toBeLessThanOrEqual(SLOTS_MAX);
  await page.tell("Target.closeTarget", { targetId });
});
