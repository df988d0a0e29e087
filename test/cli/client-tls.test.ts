/** How commands are told to speak TLS: addresses, files of flags and of the environment. */
import { afterAll, afterEach, beforeAll, expect, spyOn, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { addServerOption } from "../../src/cli/client-flags.ts";
import { addTlsOptions, clientTls } from "../../src/cli/client-tls.ts";
import { serverTarget } from "../../src/cli/server-address.ts";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";

const testTls = testNeeding([program("openssl")]);
const VARIABLES = ["WATCHPOST_CA", "WATCHPOST_CERT", "WATCHPOST_KEY"];
const dir = tempDir("client-tls");
let authority: TestAuthority;
let own: TestCertificate;

beforeAll(() => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  own = authority.issue({ purpose: "clientAuth" });
});

afterEach(() => VARIABLES.forEach((name) => delete process.env[name]));

afterAll(() => dir[Symbol.dispose]());

function tlsOf(args: readonly string[], isAsked = false) {
  return clientTls(addTlsOptions(new Command()).parse(args, { from: "user" }), isAsked);
}

function refusal(args: readonly string[], isAsked = false): string {
  try {
    tlsOf(args, isAsked);
  } catch (error) {
    return (error as Error).message.replaceAll(`${dir.path}/`, "");
  }
  return "taken";
}

test.each([
  ["127.0.0.1:50051", "127.0.0.1:50051", false],
  ["https://gw.example.org:50051", "gw.example.org:50051", true],
  ["HTTPS://gw.example.org:50051/", "gw.example.org:50051", true],
  ["https://gw.example.org", "gw.example.org:443", true],
  ["https://[::1]:50051", "[::1]:50051", true],
  ["https://[::1]", "[::1]:443", true],
])("a server may be called %s", (text, address, isTls) => {
  expect(serverTarget("--server", text)).toEqual({ address, isTls });
});

test.each([
  "https://",
  "https://:50051",
  "https://gw.example.org:0",
  "https://gw/path",
  "https://a:1@b",
  "http://gw:1",
  "grpcs://gw:1",
])("%s is no address of a server", (text) => {
  expect(() => serverTarget("--server", text)).toThrow(
    /^--server is ".*"; wanted the server's gRPC address as host:port, such as "127.0.0.1:50051".*; over TLS as https:\/\/host:port$/,
  );
});

testTls("TLS is spoken where the address or a flag asks for it, whatever stands in the environment", () => {
  const ca = readFileSync(authority.cert);
  expect(tlsOf([])).toBeUndefined();
  expect(tlsOf([], true)).toEqual({ ca: undefined });
  expect(tlsOf(["--ca", authority.cert])).toEqual({ ca });
  process.env["WATCHPOST_CA"] = authority.cert;
  expect(tlsOf([])).toBeUndefined();
  expect(tlsOf([], true)).toEqual({ ca });
});

testTls("a client certificate has its key beside it or with it, and flags go before the environment", () => {
  const [cert, key] = [readFileSync(own.cert), readFileSync(own.key)];
  expect(tlsOf(["--cert", own.cert, "--key", own.key])).toEqual({ ca: undefined, cert, key });
  const both = join(dir.path, "both.pem");
  writeFileSync(both, Buffer.concat([cert, key]));
  expect(tlsOf(["--cert", both])?.key).toEqual(readFileSync(both));
  Object.assign(process.env, { WATCHPOST_CERT: "nowhere", WATCHPOST_KEY: own.key });
  expect(tlsOf(["--cert", own.cert], true)).toEqual({ ca: undefined, cert, key });
});

testTls("files that cannot be used are refused with the flag that named them", () => {
  const text = join(dir.path, "text");
  writeFileSync(text, "nothing");
  expect(refusal(["--ca", join(dir.path, "nowhere")])).toBe("--ca nowhere cannot be read: ENOENT");
  expect(refusal(["--ca", text])).toBe(
    "--ca text: the files for TLS cannot be used: the authorities are no certificates in PEM (-----BEGIN CERTIFICATE-----)",
  );
  expect(refusal(["--cert", own.cert])).toBe("--cert wants --key: there is no key in authority/1.pem");
  expect(refusal(["--key", own.key])).toBe("--key wants --cert, the certificate of that key");
  expect(refusal(["--cert", own.cert, "--key", authority.issue().key])).toContain(
    "the key is not that of the client's certificate",
  );
  process.env["WATCHPOST_CA"] = text;
  expect(refusal([], true)).toStartWith("WATCHPOST_CA text: ");
});

test.each([
  [["--server", "10.0.0.7:50051"], "the token goes to 10.0.0.7:50051 without TLS"],
  [["--server", "https://10.0.0.7:50051"], ""],
  [["--server", "localhost:50051"], ""],
])("a token that goes elsewhere without TLS is warned of: %p", async (args, said) => {
  const warn = spyOn(console, "error").mockImplementation(() => {});
  process.env["WATCHPOST_TOKEN"] = "wp_x";
  try {
    const command = addServerOption(new Command()).action(() => {});
    await command.parseAsync(args, { from: "user" });
    expect(warn.mock.calls.join()).toContain(said);
    expect(warn.mock.calls.length).toBe(said === "" ? 0 : 1);
  } finally {
    delete process.env["WATCHPOST_TOKEN"];
    warn.mockRestore();
  }
});
