/** A page behind a proxy that lets no WebSocket through. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { $ } from "bun";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { SLOTS_MAX } from "../../../src/console/stream-slots.ts";
import { Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";
import { furnish } from "../furnish.ts";

const test = testNeeding([CHROMIUM]);
const testBehindNginx = testNeeding([CHROMIUM, program("nginx") && "Debian's nginx", program("openssl")]);
const dir = tempDir("proxy");
let server: ServerProcess;
let proxy: Bun.Server<undefined>;
let nginx: Bun.Subprocess | undefined;
const alerts = () => createClient(Alerts, createConnectTransport({ baseUrl: `http://${server.http}` }));
let streams = 0;
let streamsMost = 0;
/** What streams said to nginx. */
const unbuffered = new Set<string | null>();
/** Of streams that run: cut, as proxies cut what is quiet. */
const running = new Set<AbortController>();

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
      const cutting = new AbortController();
      if (isStream) {
        running.add(cutting);
        signal.addEventListener("abort", () => (streams--, running.delete(cutting)));
      }
      const body = method === "POST" ? { body: await request.bytes() } : {};
      const url = `http://${server.http}${pathname}${search}`;
      const answer = await fetch(url, { method, headers, signal, decompress: false, ...body });
      if (isStream) unbuffered.add(answer.headers.get("x-accel-buffering"));
      return isStream ? new Response(endedBy(cutting.signal, answer.body!), answer) : answer;
    },
  });
});

afterAll(async () => {
  nginx?.kill();
  await nginx?.exited;
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

test("where the proxy cuts streams they run again, though there is nothing to say on them", async () => {
  await using page = new Page();
  await page.open(`${proxy.url.href}alerts`);
  await page.shows("No WebSocket gets through to the server");
  await page.shows("● live");
  for (const cutting of running) cutting.abort();
  await page.shows("not live");
  await page.shows("● live");
});

testBehindNginx("over HTTP/2 no stream waits for another", async () => {
  const at = await startNginx(`http://${server.http}`);
  await using page = new Page();
  await page.tell("Security.setIgnoreCertificateErrors", { ignore: true });
  await page.open(`${at}/sessions/leak`);
  await page.shows("90 streams run at once");
  await page.shows("It drips.");
  await page.shows("● live");
  const held = `Object.entries(localStorage).filter(([name]) => name.startsWith("watchpost.streams."))
    .reduce((sum, [, text]) => sum + Number(text.split(" ")[0]), 0)`;
  await page.until(async () => (await page.ask<number>(held)) > SLOTS_MAX, "has more streams than over HTTP/1.1");
  await alerts().publishAlert({ rule: "gate", severity: "high", title: "Gate is open", labels: {}, value: 1 });
  await page.go("/alerts");
  await page.shows("Gate is open");
});

function endedBy(signal: AbortSignal, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const passed = new TransformStream<Uint8Array, Uint8Array>();
  const { writable } = passed;
  body.pipeTo(writable, { signal, preventAbort: true }).catch(() => writable.close().catch(() => {}));
  return passed.readable;
}

/** A real one, which speaks HTTP/2 with a certificate of its own, and lets no WebSocket through. */
async function startNginx(server: string): Promise<string> {
  const at = `127.0.0.1:${ownPort()}`;
  const path = (name: string) => join(dir.path, name);
  const [key, cert] = [path("key.pem"), path("cert.pem")];
  const ofCurve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"];
  await $`openssl req -x509 ${ofCurve} -keyout ${key} -out ${cert}`.quiet();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((of) => `${of}_temp_path ${path(of)};`);
  await Bun.write(
    path("nginx.conf"),
    `daemon off; pid ${path("nginx.pid")}; events {}
    http {
      access_log off; ${temporary.join(" ")}
      server {
        listen ${at} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key};
        location = /tunnel { return 403; }
        location / { proxy_pass ${server}; proxy_http_version 1.1; proxy_set_header Host $http_host; }
      }
    }`,
  );
  const command = ["nginx", "-e", "stderr", "-c", path("nginx.conf")];
  nginx = Bun.spawn(command, { stdout: "ignore", stderr: "ignore" });
  const answers = () => fetch(`https://${at}/healthz`, { tls: { rejectUnauthorized: false } }).then(({ ok }) => ok);
  while (nginx.exitCode === null && !(await answers().catch(() => false))) await Bun.sleep(10);
  if (nginx.exitCode !== null) throw new Error(`nginx ended with ${nginx.exitCode}; wanted it to listen on ${at}`);
  return `https://${at}`;
}
