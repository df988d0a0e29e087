/** Commands against a server with TLS, as somebody types them. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openssl, TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { outputOf } from "../transport/tls-rig.ts";
import { commandRunner } from "./command-runner.ts";

const testTls = testNeeding([program("openssl"), program("curl")]);
const dir = tempDir("tls-commands");
let authority: TestAuthority;
let own: TestCertificate;
let device: TestCertificate;
/** Certificates of clients: not asked for, and required. */
let open: ServerProcess;
let strict: ServerProcess;
const begun: ServerProcess[] = [];

/** It ends with the tests, also where one fails. */
async function started(options: Parameters<typeof startServerProcess>[0]): Promise<ServerProcess> {
  const server = await startServerProcess(options);
  begun.push(server);
  return server;
}

beforeAll(async () => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  own = authority.issue();
  device = authority.issue({ commonName: "device-7", purpose: "clientAuth" });
  const env = { WATCHPOST_TLS_CERT: own.cert, WATCHPOST_TLS_KEY: own.key };
  open = await started({ data: join(dir.path, "open"), env });
  const strictEnv = { ...env, WATCHPOST_TLS_CLIENT_CA: authority.cert, WATCHPOST_AUTH_CERTIFICATES_ROLE: "none" };
  strict = await started({ data: join(dir.path, "strict"), env: strictEnv });
});

afterAll(async () => {
  runner.close();
  begun.forEach((server) => server.kill());
  await Promise.all(begun.map(({ exited }) => exited));
  dir[Symbol.dispose]();
});

const runner = commandRunner(dir.path, () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" }));

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const ended = await runner.run(args, { env });
  return { ...ended, err: ended.err.trim() };
}

/** ":50051" */
function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":"));
}

function url({ grpc }: ServerProcess, host = "localhost"): string {
  return `https://${host}${portOf(grpc)}`;
}

testTls("points go up and come back, by flags and by the environment", async () => {
  writeFileSync(join(dir.path, "points.jsonl"), '{"metric":"tls.t","value":71.5,"timestamp":"2026-01-31T12:00:00Z"}\n');
  const flags = ["--server", url(open), "--ca", authority.cert];
  expect(await run(["upload", "points.jsonl", "--source", "gw", ...flags])).toMatchObject({ code: 0 });
  const env = { WATCHPOST_SERVER: url(open, "127.0.0.1"), WATCHPOST_CA: authority.cert };
  const query = ["query", "tls.t", "--from", "2026-01-31T11:00:00Z", "--to", "2026-01-31T13:00:00Z", "--json"];
  const { code, out } = await run(query, env);
  expect(code).toBe(0);
  expect(out).toContain("71.5");
});

testTls("a client certificate is shown where it is wanted", async () => {
  const flags = ["--server", url(strict), "--ca", authority.cert];
  expect(await run(["stats", ...flags])).toMatchObject({
    code: 2,
    err: expect.stringMatching(
      /it wants a certificate of the client, and was shown none; --cert FILE --key FILE show one$/,
    ),
  });
  const shown = ["--cert", device.cert, "--key", device.key];
  expect(await run(["stats", ...flags, ...shown])).toMatchObject({ code: 0, err: "" });
  const stranger = new TestAuthority(dir.path, "stranger").issue({ purpose: "clientAuth" });
  const wrong = await run(["stats", ...flags, "--cert", stranger.cert, "--key", stranger.key]);
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("not accept the certificate of the client?") });
});

testTls("what is wrong is said with the flag that helps", async () => {
  expect(await run(["stats", "--server", url(open)])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/signed by an authority that is not trusted here; --ca FILE names who signed it$/),
  });
  expect(await run(["stats", "--server", open.grpc])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/does it want TLS\? --server https:\/\/host:port speaks it$/),
  });
  expect(await run(["stats", "--server", open.grpc, "--ca", "nowhere.pem"])).toMatchObject({
    code: 2,
    err: "error: --ca nowhere.pem cannot be read: ENOENT",
  });
});

testTls("devices of a simulation reach a server with TLS over a bad network, too", async () => {
  const flags = ["--server", url(open), "--ca", authority.cert];
  const fleet = ["--devices", "3", "--interval", "100ms", "--duration", "1s", "--network", "latency=5ms"];
  const { code, out, err } = await run(["simulate", ...fleet, "--json", ...flags]);
  if (code !== 0) throw new Error(err);
  const { sent, stored } = JSON.parse(out);
  expect(sent).toBeGreaterThan(0);
  expect(stored).toBe(sent);
});

testTls("a server whose certificate cannot be used does not start, and leaves nothing behind", async () => {
  const data = join(dir.path, "never");
  const other = authority.issue();
  const env = { WATCHPOST_TLS_CERT: own.cert, WATCHPOST_TLS_KEY: other.key };
  const { code, err } = await run(["serve", "--data", data, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"], env);
  expect({ code, err }).toEqual({
    code: 2,
    err: `error: tls.key (${other.key}) is not the key of tls.cert (${own.cert}); wanted a certificate and the key that it was made for`,
  });
  expect(await Bun.file(join(data, "state.db")).exists()).toBe(false);
});

testTls("a second server does not share the port of the first", async () => {
  const env = { WATCHPOST_TLS_CERT: own.cert, WATCHPOST_TLS_KEY: own.key };
  mkdirSync(join(dir.path, "second"));
  const args = ["serve", "--data", join(dir.path, "second"), "--grpc", "127.0.0.1:0", "--http", open.http];
  const { code, err } = await run(args, env);
  expect(code).toBe(1);
  expect(err).toContain(`HTTP cannot listen on ${open.http}`);
});

testTls("SIGHUP does no harm to a server without TLS, nor to one that has only just begun to serve", async () => {
  const server = await started({ data: join(dir.path, "plain") });
  server.kill("SIGHUP");
  expect(await run(["stats", "--server", server.grpc])).toMatchObject({ code: 0 });
  expect(await server.stop()).toBe(0);
});

testTls("the demo says that it is without TLS", async () => {
  const env = { WATCHPOST_TLS_CERT: own.cert, WATCHPOST_TLS_KEY: own.key };
  expect(await run(["demo"], env)).toMatchObject({ code: 2, err: expect.stringContaining("demo plays its recording") });
});

testTls("what init makes is a server for other machines, over TLS and with a token", async () => {
  const made = join(dir.path, "init");
  const init = await run(["init", made, "--tls", "--host", "w.example.org", "--device", "pump-7"]);
  const config = ["--config", join(made, "watchpost.toml"), "--grpc", "0.0.0.0:0", "--http", "0.0.0.0:0"];
  const server = await started({ data: join(dir.path, "init-data"), args: config });
  const [ca, token] = [join(made, "tls/ca.pem"), init.out.trim()];
  const env = { WATCHPOST_SERVER: url(server), WATCHPOST_CA: ca, WATCHPOST_TOKEN: token };
  expect(await run(["whoami"], env)).toMatchObject({ code: 0, out: "admin, an admin for everything (by token)\n" });
  const page = `https://w.example.org${portOf(server.http)}/metrics`;
  const curl = ["curl", "-sS", "--cacert", ca, "--resolve", `w.example.org${portOf(server.http)}:127.0.0.1`];
  const metrics = await outputOf([...curl, "-H", `Authorization: Bearer ${token}`, page]);
  expect(metrics).toContain("watchpost_tls_certificate_expiry");
  expect(await outputOf([...curl, page])).toContain("this server asks who calls");
  const pump = ["--cert", join(made, "tls/pump-7.pem"), "--key", join(made, "tls/pump-7.key")];
  const untokened = { ...env, WATCHPOST_TOKEN: "" };
  expect(await run(["whoami", ...pump], untokened)).toMatchObject({ code: 0, out: expect.stringMatching(/^pump-7, /) });
  expect(await run(["stats", ...pump], untokened)).toMatchObject({ code: 1 });
  expect(await server.stop()).toBe(0);
  expect(await run(["serve", ...config.slice(2), "--data", join(dir.path, "bare")])).toMatchObject({
    code: 2,
    err: expect.stringContaining("can be reached from other machines"),
  });
});

testTls("what docs/security.md says of an authority of one's own makes a certificate that is taken", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/security.md")).text();
  const [, script] = /```sh\n(openssl[\s\S]*?)```/.exec(page)!;
  const made = join(dir.path, "made");
  mkdirSync(made);
  expect(Bun.spawnSync(["sh", "-ec", script], { cwd: made }).exitCode).toBe(0);
  expect(openssl("verify", "-CAfile", join(made, "ca.pem"), join(made, "server.pem"))).toContain("OK");
  const env = { WATCHPOST_TLS_CERT: join(made, "server.pem"), WATCHPOST_TLS_KEY: join(made, "server.key") };
  const server = await started({ data: join(dir.path, "made-data"), env });
  const answer = await run(["stats", "--server", url(server), "--ca", join(made, "ca.pem")]);
  expect(await server.stop()).toBe(0);
  expect(answer).toMatchObject({ code: 0, err: "" });
});
