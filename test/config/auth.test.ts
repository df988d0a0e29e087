/** `[auth]`: what is refused before a server believes it. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/load.ts";

function load(settings: Readonly<Record<string, string>>) {
  const flags = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`auth.jwt.${key}`, value]));
  return loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 }).config.auth.jwt;
}

const GIVEN = { issuer: "https://login.example.org", audience: "watchpost" };

test("without an issuer nobody is believed; with one there are roles, and asymmetric algorithms alone", () => {
  expect(load({}).issuer).toBeUndefined();
  const { roles, algorithms, leeway, jwks_url } = load(GIVEN);
  expect([...roles.keys()]).toEqual(["admin", "operator", "viewer", "ingest"]);
  expect(roles.get("admin")).toEqual(["watchpost-admin"]);
  expect(algorithms).toContain("EdDSA");
  expect({ leeway, jwks_url }).toEqual({ leeway: 10_000, jwks_url: "auto" });
  const { roles: own } = load({ ...GIVEN, roles: "admin = wp-admins,operator=wp operators| on-call" });
  expect(Object.fromEntries(own)).toEqual({ admin: ["wp-admins"], operator: ["wp operators", "on-call"] });
});

const WRONG: [string, Readonly<Record<string, string>>, string][] = [
  ["no audience", { issuer: GIVEN.issuer }, "auth.jwt.audience"],
  ["no issuer", { audience: "watchpost" }, "auth.jwt.issuer"],
  ["keys on an open way", { ...GIVEN, jwks_url: "http://login.example.org/keys" }, "https"],
  ["keys that look like this machine's", { ...GIVEN, jwks_url: "http://127.0.0.1.example.org/keys" }, "https"],
  ["keys with a password", { ...GIVEN, jwks_url: "https://a:b@login.example.org/keys" }, "https"],
  ["keys of a file", { ...GIVEN, jwks_url: "file:///etc/keys" }, "https"],
  ["an issuer on an open way", { ...GIVEN, issuer: "http://login.example.org" }, "wanted an https address"],
  ["an issuer that is no address", { ...GIVEN, issuer: "accounts" }, "wanted an https address"],
  ["no algorithm at all", { ...GIVEN, algorithms: "none" }, "whoever can check"],
  ["a shared secret", { ...GIVEN, algorithms: "RS256 HS256" }, "whoever can check"],
  ["algorithms that are empty", { ...GIVEN, algorithms: " " }, "some of RS256"],
  ["a role that there is not", { ...GIVEN, roles: "root=wheel" }, "roles with the values"],
  ["a role twice", { ...GIVEN, roles: "admin=a,admin=b" }, "roles with the values"],
  ["a role of nothing", { ...GIVEN, roles: "admin=" }, "roles with the values"],
  ["a large leeway", { ...GIVEN, leeway: "1h" }, "from 0s to 2m"],
];
for (const [name, settings, words] of WRONG) {
  test(`${name} is refused`, () => expect(() => load(settings)).toThrow(words));
}

test("keys of this machine may come without TLS, and an issuer that says where its keys are may be any text", () => {
  for (const host of ["127.0.0.1:8080", "localhost", "[::1]:9000"]) {
    expect(load({ ...GIVEN, jwks_url: `http://${host}/keys` }).jwks_url).toContain(host);
  }
  expect(load({ ...GIVEN, issuer: "accounts", jwks_url: "https://keys.example.org" }).issuer).toBe("accounts");
});

test("a token that stands where its hash is wanted is not shown", () => {
  const flags = { "auth.admin_token": `wp_0123456789_${"x-_".repeat(14)}y` };
  const loading = () => loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  expect(loading).toThrow('auth.admin_token is "<secret>"');
  expect(loading).not.toThrow("x-_x");
});
