/** `watchpost init`, `token`, `certificate`, `whoami` and `audit` over a server of their own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-access");
}, 120_000);

afterAll(() => rig.close());

const file = (...path: string[]) => join(rig.dir, ...path);
const pem = (...path: string[]) => new X509Certificate(readFileSync(file(...path)));

test("init writes settings that a server takes, with a token that is an admin's there", async () => {
  const { out: secret, err } = await rig.run(["init", "plain"]);
  expect(err).toContain("serve --config plain/watchpost.toml");
  const text = readFileSync(file("plain", "watchpost.toml"), "utf8");
  expect(text).not.toContain(secret.trim().slice(-43));
  expect(text).toContain(`data = "${file("plain", "watchpost-data")}"`);
  writeFileSync(file("plain.token"), secret);
  await rig.restart(file("other"), ["--config", file("plain", "watchpost.toml")]);
  const { err: refusal } = await rig.run(["whoami"]);
  expect(refusal).toContain("no token came");
  expect(refusal).toContain("WATCHPOST_TOKEN or --token-file FILE show it");
  expect(await rig.ok(["whoami", "--token-file", "plain.token"])).toBe("admin, an admin for everything (by token)\n");
  const again = await rig.run(["init", "plain"]);
  expect(again).toMatchObject({ code: 2, err: expect.stringContaining("plain/watchpost.toml is there already") });
  await rig.restart(file("data"));
}, 120_000);

test("init makes an authority, with certificates of the server and of devices that it has signed", async () => {
  await rig.ok(["init", "tls", "--tls", "--host", "w.example.org", "--host", "10.0.0.7", "--device", "pump-7"]);
  await rig.ok(["init", "tls", "--device", "pump-8"]);
  const authority = pem("tls", "tls", "ca.pem");
  expect(authority.ca).toBe(true);
  expect(authority.checkIssued(authority)).toBe(true);
  for (const name of ["server", "pump-7", "pump-8"]) {
    const certificate = pem("tls", "tls", `${name}.pem`);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(statSync(file("tls", "tls", `${name}.key`)).mode & 0o777).toBe(0o600);
  }
  expect(readFileSync(file("tls", "watchpost.toml"), "utf8")).toContain(`cert = "${file("tls", "tls", "server.pem")}"`);
  const server = pem("tls", "tls", "server.pem");
  expect(server.checkHost("w.example.org")).toBe("w.example.org");
  for (const address of ["10.0.0.7", "127.0.0.1", "::1"]) expect(server.checkIP(address)).toBe(address);
  expect(server.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(pem("tls", "tls", "pump-7.pem").subject).toBe("CN=pump-7");
}, 120_000);

test("init says what is wrong, and writes nothing then", async () => {
  const wrong = [
    [["init", "w", "--host", "x"], "wanted --tls beside it"],
    [["init", "w", "--device", "pump"], "there is no certificate authority in w/tls"],
    [["init", "w", "--tls", "--device", "../x"], "wanted 1 to 64 letters"],
    [["init", "w", "--tls", "--device", "server"], 'neither "ca" nor "server"'],
    [["init", "w", "--tls", "--host", "a b"], "wanted a name or address"],
  ] as const;
  for (const [args, sentence] of wrong) {
    const { code, err } = await rig.run(args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
  }
  expect(existsSync(file("w"))).toBe(false);
}, 120_000);

test("tokens are made, listed, used and revoked, and the journal says by whom", async () => {
  const first = await rig.run(["token", "create", "bob", "--role", "viewer"]);
  expect(first).toMatchObject({ code: 2, err: expect.stringContaining("the first token turns authentication on") });
  const admin = await rig.ok(["token", "create", "me", "--role", "admin"]);
  const env = { WATCHPOST_TOKEN: admin.trim() };
  const endless = await rig.run(["token", "create", "bob", "--role", "viewer", "--expires", "0d"], { env });
  expect(endless.err).toContain('wanted for how long it is good, such as "90d"');
  const viewer = await rig.ok(["token", "create", "bob", "--role", "viewer", "--site", "b*", "--expires", "1d"], {
    env,
  });
  writeFileSync(file("bob.token"), viewer);
  expect(await rig.ok(["whoami", "--token-file", "bob.token"])).toMatch(
    /^bob, a viewer for sites b\* \(by token, until /,
  );
  expect((await rig.run(["token", "list", "--token-file", "bob.token"])).err).toContain("bob has the role viewer");
  const listed = await rig.ok(["token", "list"], { env });
  expect(listed.split("\n").map((line) => line.split(/ {2,}/).slice(1, 4).join("|"))).toEqual([
    "NAME|ROLE|FOR",
    "bob|viewer|sites b*",
    "me|admin|everything",
    "",
  ]);
  const revoked = await rig.run(["token", "revoke", "nobody", "bob", "nor-him"], { env });
  expect(revoked.out).toMatch(/^bob \([0-9a-f]{10}\) is revoked\n$/);
  expect(revoked).toMatchObject({ code: 1, err: expect.stringMatching(/"nor-him".*\n.*"nobody"/) });
  expect((await rig.run(["whoami", "--token-file", "bob.token"])).err).toContain("or was revoked");
  const deeds = (await rig.ok(["audit", "--json"], { env })).trim().split("\n");
  const told = deeds.map((line) => JSON.parse(line) as Record<string, string>);
  expect(told.map(({ name, address, action }) => `${name} ${address} ${action.split("/")[1]}`)).toEqual([
    "me 127.0.0.1 RevokeToken",
    "me 127.0.0.1 CreateToken",
    "ann 127.0.0.1 CreateToken",
  ]);
  expect(await rig.ok(["audit", "--name", "nobody"], { env })).toStartWith("nothing of that is in the journal");
  expect(await rig.ok(["audit", "--limit", "1"], { env })).toMatch(
    / me {2}127\.0\.0\.1 {2}Access\/RevokeToken {2}\{token: "bob"/,
  );
}, 120_000);

test("certificates are revoked by name and by file, listed, and reinstated", async () => {
  await rig.restart(file("certificates"));
  await rig.ok(["init", "certified", "--tls", "--device", "pump-9"]);
  const path = join("certified", "tls", "pump-9.pem");
  const fingerprint = pem(path).fingerprint256.replaceAll(":", "").toLowerCase();
  expect(await rig.ok(["certificate", "list"])).toBe("no certificate is revoked\n");
  const revoked = await rig.ok(["certificate", "revoke", "pump-7", "--file", path, "--user", "ann"]);
  expect(revoked).toBe(`pump-7 is revoked\n${fingerprint} is revoked\n`);
  const listed = await rig.ok(["certificate", "list"]);
  expect(listed).toMatch(/^pump-7 +\S+ +ann$/m);
  expect(listed).toContain(fingerprint);
  expect(await rig.ok(["certificate", "reinstate", "pump-7"])).toBe("pump-7 is believed again\n");
  const json = await rig.ok(["certificate", "list", "--json"]);
  expect(JSON.parse(json)).toMatchObject({ certificate: fingerprint, revokedBy: "ann" });
  const wrong = [
    [["certificate", "revoke"], "wanted names, fingerprints or --file"],
    [["certificate", "revoke", "--file", "certified/tls/pump-9.key"], "wanted a certificate in PEM"],
    [["certificate", "revoke", "--file", "certified/tls/ca.pem"], "of an authority; wanted that of a client"],
    [["init", "certified", "--device", "pump-9"], "wanted another name"],
    [["certificate", "reinstate", "pump-7"], "is not revoked"],
  ] as const;
  for (const [args, sentence] of wrong) expect((await rig.run([...args])).err).toContain(sentence);
}, 120_000);

test("in sessions people are called as their tokens are, and who only reads listens", async () => {
  await rig.restart(file("sessions"));
  const tokenOf = async (name: string, role: string, env = {}) => {
    const secret = await rig.ok(["token", "create", name, "--role", role], { env });
    writeFileSync(file(`${name}.token`), secret);
    return { WATCHPOST_TOKEN: secret.trim() };
  };
  const env = await tokenOf("root", "admin");
  const nobody = { USER: "", LOGNAME: "", USERNAME: "" };
  await tokenOf("vera", "viewer", env);
  const listening = (id: string) => rig.follow(["session", "join", id, "--watch", "--token-file", file("vera.token")]);
  await rig.ok(["session", "create", "room"], { env });
  const vera = listening("room");
  await vera.until((lines) => lines.some((line) => line.endsWith("vera joined")));
  expect(await rig.ok(["session", "send", "room", "hello"], { env: { ...env, ...nobody } })).toMatch(/^\d+\n$/);
  const lines = await vera.until((all) => all.some((line) => line.endsWith("hello")));
  expect(lines.at(-1)).toMatch(/ {2}root {2}hello$/);
  expect(await vera.interrupt()).toMatchObject({ code: 0, err: "" });
  const { out } = await rig.run(["session", "show", "room"], { env });
  expect(out).toContain("here      nobody");
  expect(out).toContain("vera left");
  expect(await listening("nowhere").ended).toMatchObject({ code: 1, err: 'error: there is no session "nowhere"\n' });
  const unnamed = await rig.run(["session", "send", "room", "x"], { env: nobody });
  expect(unnamed).toMatchObject({ code: 2, err: expect.stringContaining("nobody is named") });
}, 120_000);
