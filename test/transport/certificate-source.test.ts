/** Files of a certificate that change: what is taken when, and what is said. */
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { chmodSync, copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CertificateSource } from "../../src/transport/certificate-source.ts";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { loggerInto } from "./tls-rig.ts";

const testTls = testNeeding([program("openssl")]);
const DAY_MS = 24 * 3_600_000;
const LOOK_MS = 10_000;
const dir = tempDir("certificate-source");
const files = { cert: join(dir.path, "server.pem"), key: join(dir.path, "server.key"), clientCa: undefined };
let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
const opened: CertificateSource[] = [];

beforeAll(() => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  first = authority.issue({ names: ["DNS:first"] });
  second = authority.issue({ names: ["DNS:second"] });
});

afterEach(() => opened.splice(0).forEach((source) => source.close()));

afterAll(() => dir[Symbol.dispose]());

function put({ cert, key }: TestCertificate): void {
  copyFileSync(cert, files.cert);
  copyFileSync(key, files.key);
  chmodSync(files.key, 0o600);
}

async function start(from = first) {
  put(from);
  const clock = new ManualClock(Date.now());
  const log: string[] = [];
  const reloads: boolean[] = [];
  const told: string[] = [];
  const deps = { clock, logger: loggerInto(log), onReload: (isTaken: boolean) => void reloads.push(isTaken) };
  const source = await CertificateSource.open(files, deps);
  opened.push(source);
  source.onChanged(({ names }) => void told.push(...names));
  return {
    ...{ source, clock, log, reloads, told },
    /** The files are looked at once more. */
    async look() {
      clock.advance(LOOK_MS);
      // The next look is planned once this one is over.
      while (clock.timers === 0) await Bun.sleep(1);
    },
  };
}

testTls("files that change are taken at the next look, and whoever listens is told", async () => {
  const { source, look, told, log, reloads } = await start();
  await look();
  expect([source.current.names, told]).toEqual([["first"], []]);
  put(second);
  await look();
  expect([source.current.names, told, reloads]).toEqual([["second"], ["second"], [true]]);
  expect(log.at(-1)).toMatch(/^info: TLS: a new certificate is in force, until /);
  await look();
  expect(told).toEqual(["second"]);
});

testTls("a certificate that comes before its key is waited for without a word", async () => {
  const { source, look, log, reloads } = await start();
  copyFileSync(second.cert, files.cert);
  await look();
  expect([source.current.names, log, reloads]).toEqual([["first"], [], []]);
  put(second);
  await look();
  expect([source.current.names, reloads]).toEqual([["second"], [true]]);
});

testTls("what stays wrong is said once, and the certificate of before stays", async () => {
  const { source, look, log, reloads } = await start();
  copyFileSync(second.cert, files.cert);
  for (let i = 0; i < 4; i++) await look();
  expect([source.current.names, reloads]).toEqual([["first"], [false]]);
  expect(log).toEqual([
    expect.stringMatching(/^error: TLS: the certificate that was read before stays in force until .*is not the key of/),
  ]);
  rmSync(files.key);
  for (let i = 0; i < 3; i++) await look();
  expect(log.length).toBe(2);
  expect(source.trouble).toStartWith("new files of the certificate are not taken: tls.key");
  expect(log[1]).toContain(`tls.key (${files.key}) cannot be read: ENOENT; wanted a PEM file`);
  put(first);
  await look();
  expect(source.trouble).toBeUndefined();
  put(second);
  await look();
  expect(source.current.names).toEqual(["second"]);
});

testTls("who asks is answered at once, whatever the files hold", async () => {
  const { source, log, reloads } = await start();
  await source.reload();
  expect(log).toEqual(["info: TLS: the files hold the certificate that is in force"]);
  writeFileSync(files.key, "nothing");
  await source.reload();
  await source.reload();
  expect(log.length).toBe(3);
  expect(reloads).toEqual([false, false]);
  put(second);
  await Promise.all([source.reload(), source.reload()]);
  expect([source.current.names, reloads]).toEqual([["second"], [false, false, true]]);
});

testTls("a port that cannot take it does not keep the others from it", async () => {
  const { source, log, told } = await start();
  const third = authority.issue({ names: ["DNS:third"] });
  source.onChanged(() => {
    throw new Error("no room");
  });
  put(third);
  await source.reload();
  expect(told).toEqual(["third"]);
  expect(log.filter((line) => line.includes("no room"))).toEqual([
    "error: TLS: a port goes on with the certificate of before: no room",
  ]);
});

testTls("before it expires it is said, a few times, and of a new one anew", async () => {
  const { look, clock, log, source } = await start(authority.issue({ until: new Date(Date.now() + 365 * DAY_MS) }));
  const warned = () => log.filter((line) => line.includes("expire")).map((line) => line.slice(0, 5));
  await look();
  expect(warned()).toEqual([]);
  expect(source.trouble).toBeUndefined();
  clock.setWallClock(source.current.notAfterMs - 14 * DAY_MS);
  await look();
  await look();
  expect(warned()).toEqual(["warn:"]);
  expect(source.trouble).toMatch(/ expires at .* UTC; put a new one there before$/);
  clock.setWallClock(source.current.notAfterMs - 2 * DAY_MS);
  await look();
  clock.setWallClock(source.current.notAfterMs);
  await look();
  await look();
  expect(warned()).toEqual(["warn:", "warn:", "error"]);
  expect(source.trouble).toMatch(/ expired at .*: clients refuse it; put a new one there$/);
  put(authority.issue({ until: new Date(clock.nowMs() + 3_650 * DAY_MS) }));
  await source.reload();
  await look();
  expect(warned().length).toBe(3);
  expect(source.trouble).toBeUndefined();
});

testTls("of one that lives a day only it is said hours before", async () => {
  const halfDayMs = DAY_MS / 2;
  const dates = { from: new Date(Date.now() - halfDayMs), until: new Date(Date.now() + halfDayMs) };
  const { clock, source, look } = await start(authority.issue(dates));
  const lifeMs = source.current.notAfterMs - source.current.notBeforeMs;
  clock.setWallClock(source.current.notAfterMs - lifeMs / 4);
  expect(source.trouble).toBeUndefined();
  clock.setWallClock(source.current.notAfterMs - lifeMs / 5);
  await look();
  expect(source.trouble).toContain("expires at");
});

testTls("files that cannot be used are refused at the start", async () => {
  put({ cert: first.cert, key: second.key });
  const logger = loggerInto([]);
  const opening = CertificateSource.open(files, { clock: new ManualClock(Date.now()), logger });
  expect((await opening.catch((error: Error) => error)) as Error).toMatchObject({ status: "FAILED_PRECONDITION" });
});

testTls("a key that everybody may read is warned of", async () => {
  put(first);
  chmodSync(files.key, 0o644);
  const log: string[] = [];
  opened.push(await CertificateSource.open(files, { clock: new ManualClock(Date.now()), logger: loggerInto(log) }));
  expect(log.join()).toContain("can be read by every user of this machine; chmod 600");
});
