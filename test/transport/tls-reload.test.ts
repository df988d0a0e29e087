/** The certificate of a server in use is replaced: open streams go on, new connections see the new one. */
import { afterEach, expect } from "bun:test";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { OpenStreams, ReloadingServer, Visitors } from "./reloading.ts";

const testTls = testNeeding([program("openssl")]);
const opened: Disposable[] = [];
let server: ReloadingServer | undefined;

afterEach(async () => {
  server?.process.kill();
  await server?.process.exited;
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

async function start(): Promise<ReloadingServer> {
  const dir = tempDir("tls-reload");
  opened.push(dir);
  return (server = await ReloadingServer.start(dir.path));
}

testTls("no stream is dropped on either port, however often it is replaced", async () => {
  const running = await start();
  const streams = new OpenStreams(running);
  await streams.goOn();
  const visitors = new Visitors(running);
  for (let i = 1; i <= 5; i++) {
    await running.replace(`server-${i}`);
    expect(await running.shown()).toEqual([`server-${i}`, `server-${i}`]);
    await streams.goOn();
  }
  await visitors.stop();
  const acknowledged = await streams.finish();
  expect(streams.failures).toEqual([]);
  expect(acknowledged).toBe(streams.sent);
  // What stands in the queue of a port while it changes hands may be reset, on the port of HTTP alone.
  expect(visitors.failed.grpc).toBe(0);
  expect(visitors.failedTwice).toEqual([]);
  expect(await running.process.stop()).toBe(0);
});

testTls("a pair that cannot be used leaves the one in force", async () => {
  const running = await start();
  const streams = new OpenStreams(running);
  await streams.goOn();
  await running.spoil();
  expect(await running.shown()).toEqual(["server-0", "server-0"]);
  const metrics = await fetch(`https://${running.process.http}/metrics`, { tls: running.tls } as RequestInit);
  const text = await metrics.text();
  expect(text).toContain('watchpost_tls_certificate_reloads_total{result="refused"} 1');
  expect(text).toMatch(/watchpost_tls_certificate_expiry_timestamp_seconds\{file=".*server.pem"\} \d{10}/);
  await running.replace("server-1");
  expect(await running.shown()).toEqual(["server-1", "server-1"]);
  await streams.goOn();
  await streams.finish();
  expect(streams.failures).toEqual([]);
});
