/** JWTs of an identity provider that the test makes, from the gate's side. */
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import { exportSPKI, importJWK, type CryptoKey } from "jose";
import { IdentityProvider, type IdentityProviderSettings } from "../../src/access/jwt/identity-provider.ts";
import { Tokens } from "../../src/access/tokens.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { parseRoleMapping } from "../../src/model/role-mapping.ts";
import type { Admission } from "../../src/wire/gate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { newKey, TestIdentityProvider, type Answering, type MadeClaims } from "./identity-provider.ts";
import { accessRig, ACK, bare, QUERY, showing, UPLOAD } from "./rig.ts";

const ROLES = parseRoleMapping("admin=wp-admins, operator=watchpost-operator|on call, ingest=devices")!;
const [MINUTE, HOUR] = [60_000, 3_600_000];

async function jwtRig(settings: Partial<IdentityProviderSettings> = {}, kids = ["one"]) {
  const clock = new ManualClock();
  const keys = await Promise.all(kids.map((kid) => newKey(kid)));
  const server = new TestIdentityProvider(keys.map(({ jwk }) => jwk));
  const troubles: string[] = [];
  const provider = await IdentityProvider.open(
    {
      ...{ issuer: server.issuer, audience: "watchpost", keysUrl: "auto", caFile: undefined, algorithms: ["ES256"] },
      ...{ nameClaim: "sub", roleClaim: "roles", roles: ROLES, leewayMs: 10_000, keysKeptMs: 2 * HOUR },
      scopeClaims: { sources: undefined, devices: undefined, sites: undefined },
      ...settings,
    },
    { clock, onTrouble: (trouble) => void troubles.push(trouble) },
  );
  await provider.settled();
  const access = await accessRig({ clock, provider });
  const made = (claims: MadeClaims = {}, header: object = {}, key = keys[0]) =>
    server.jwt(key, clock.nowMs(), claims, header);
  const admit = async (jwt: string, name = QUERY): Promise<Admission> => access.gate.admit(name, showing(jwt));
  const refusal = async (jwt: string, name = QUERY): Promise<WatchpostError> => {
    const admission = await admit(jwt, name).catch((error: WatchpostError) => error);
    if ("principal" in admission) throw new Error("it was taken");
    expect(admission.message).not.toContain(jwt);
    return admission;
  };
  return {
    ...{ ...access, clock, server, provider, keys, troubles, made, admit, refusal },
    async [Symbol.asyncDispose]() {
      provider.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("a good JWT is a credential; from then on its calls cost no verification", async () => {
  await using rig = await jwtRig();
  expect(rig.gate.isOn).toBe(true);
  expect(() => rig.gate.admit(QUERY, bare())).toThrow("no token came");
  const jwt = await rig.made();
  const first = rig.gate.admit(QUERY, showing(jwt));
  expect(first).toBeInstanceOf(Promise);
  const { principal } = await first;
  const expiresAtMs = rig.clock.nowMs() + HOUR + 10_000;
  expect(principal).toMatchObject({ name: "ann", role: "operator", via: "jwt", isAuthenticated: true, expiresAtMs });
  expect(principal.scope.isEverything).toBe(true);
  expect(rig.gate.admit(ACK, showing(jwt))).not.toBeInstanceOf(Promise);
  expect(await rig.refusal(jwt, "analytics.Dashboard/Backup")).toMatchObject({ status: "PERMISSION_DENIED" });
  expect(rig.server.asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
});

test("many calls with a JWT that is seen for the first time verify it once", async () => {
  await using rig = await jwtRig();
  const jwt = await rig.made();
  const verdicts = Array.from({ length: 20 }, () => rig.provider.verdictOf(jwt));
  expect(new Set(verdicts).size).toBe(1);
  expect(await verdicts[0]).toMatchObject({ principal: { name: "ann" } });
});

test("what is wrong with a JWT is said: what it has, and what was wanted", async () => {
  await using rig = await jwtRig();
  const seconds = rig.clock.nowMs() / 1_000;
  const stranger = await newKey("one");
  const unknown = await newKey("two");
  const hidden = `${"x".repeat(20)}.${"y".repeat(20)}.`;
  const cases: [string, string, ...string[]][] = [
    [await rig.made({ aud: "grafana" }), "wrong_jwt", 'made for "grafana" (its claim aud); wanted "watchpost"'],
    [await rig.made({ aud: ["a", "b"] }), "wrong_jwt", 'made for ["a","b"]'],
    [await rig.made({ aud: undefined }), "wrong_jwt", "no claim aud"],
    [await rig.made({ iss: "https://evil.example.org" }), "wrong_jwt", "https://evil.example.org", rig.server.issuer],
    [await rig.made({ exp: seconds - 60 }), "expired_jwt", 'the JWT of "ann" has run out on 2025-12-31T23:59:00.000Z'],
    [await rig.made({ exp: undefined }), "wrong_jwt", "no claim exp"],
    [await rig.made({ nbf: seconds + 3_600 }), "wrong_jwt", "begins on 2026-01-01T01:00:00.000Z"],
    [await rig.made({ sub: undefined }), "wrong_jwt", "claim sub is not there"],
    [await rig.made({ sub: "a\nb" }), "wrong_jwt", "on one line"],
    [await rig.made({ sub: "a\u200b" }), "wrong_jwt", "that can be seen"],
    [
      await rig.made({ roles: ["guests"] }),
      "no_role",
      'the claim roles has ["guests"]; wanted one of wp-admins, watch',
    ],
    [await rig.made({ roles: undefined }), "no_role", "the claim roles has nothing"],
    [await rig.made({}, {}, stranger), "bad_jwt", "the signature of the JWT is not that of a key of"],
    [await rig.made({}, {}, unknown), "bad_jwt", 'the key "two", which http'],
    [await rig.made({}, { kid: 7 }), "bad_jwt", "the key 7, which http"],
    [hidden, "bad_jwt", "cannot be read as a JWT"],
    [`${await rig.made()}${"x".repeat(20_000)}`, "bad_jwt", "wanted at most"],
  ];
  for (const [jwt, reason, ...words] of cases) {
    const { message } = await rig.refusal(jwt);
    for (const word of words) expect(message).toContain(word);
    expect(rig.reasons.at(-1)).toBe(reason);
    rig.clock.advance(MINUTE);
    await rig.provider.settled();
  }
});

test("only what the provider alone can have signed is taken, whatever the header says", async () => {
  await using rig = await jwtRig();
  const [{ jwk }] = rig.keys;
  const good = await rig.made();
  const [, claims, signature] = good.split(".");
  const header = (fields: object) => Buffer.from(JSON.stringify(fields)).toString("base64url");
  const hmac = (head: string, key: string | Buffer) =>
    `${head}.${claims}.${createHmac("sha256", key).update(`${head}.${claims}`).digest("base64url")}`;
  const spki = await exportSPKI((await importJWK(jwk, "ES256")) as CryptoKey);
  const hs256 = header({ alg: "HS256", kid: "one" });
  const forged = [
    `${header({ alg: "none" })}.${claims}.`,
    `${header({ alg: "None", kid: "one" })}.${claims}.`,
    hmac(hs256, spki),
    hmac(hs256, JSON.stringify(jwk)),
    hmac(hs256, Buffer.from(jwk.x!, "base64url")),
    `${header({ alg: "ES256", kid: "one", jwk })}.${claims}.${signature}`,
    `${header({ alg: "ES256", kid: "one", b64: false, crit: ["b64"] })}.${claims}.${signature}`,
    `${header({ alg: "ES256", kid: "one", crit: ["exp"], exp: 1 })}.${claims}.${signature}`,
    `${header({ alg: "RS256", kid: "one" })}.${claims}.${signature}`,
    `${header({ alg: "ES256", kid: "one" })}.${claims}.`,
    `${header({ alg: "ES256", kid: "one" })}.${claims}.${Buffer.alloc(64).toString("base64url")}`,
  ];
  for (const jwt of forged) expect((await rig.refusal(jwt)).status).toMatch(/^(UNAUTHENTICATED|RESOURCE_EXHAUSTED)$/);
  expect(rig.reasons).toEqual(forged.map(() => "bad_jwt"));
  expect((await rig.admit(good)).principal.name).toBe("ann");
  const { message } = await rig.refusal(hmac(hs256, spki));
  expect(message).toContain('signed with "HS256"; wanted ES256');
});

test("a secret among the provider's keys makes no token", async () => {
  const secret = Buffer.alloc(32, 7);
  await using rig = await jwtRig({ algorithms: ["ES256", "HS256"] });
  rig.server.keys.push({ kty: "oct", k: secret.toString("base64url"), kid: "shared", alg: "HS256" });
  const key = { kid: "shared", alg: "HS256", privateKey: secret as never };
  rig.clock.advance(MINUTE);
  await rig.refusal(await rig.made({}, {}, key as never));
  expect(rig.reasons).toEqual(["bad_jwt"]);
});

test("the claims that are configured give name, role and scope; without any of a scope there is nothing to see", async () => {
  await using rig = await jwtRig({
    nameClaim: "profile.email",
    roleClaim: "https://example.org/roles",
    scopeClaims: { sources: undefined, devices: "devices", sites: "org.sites" },
  });
  const claims = { profile: { email: "ann@example.org" }, devices: "*", org: { sites: ["berlin", "ham*"] } };
  const withRoles = (roles: unknown, more: object = {}) =>
    rig.made({ ...claims, "https://example.org/roles": roles, ...more } as MadeClaims);
  const { principal } = await rig.admit(await withRoles("on call"));
  expect(principal).toMatchObject({ name: "ann@example.org", role: "operator" });
  expect(principal.scope.patterns).toEqual({ sources: [], devices: [], sites: ["berlin", "ham*"] });
  expect((await rig.admit(await withRoles("email watchpost-operator openid"))).principal.role).toBe("operator");
  expect((await rig.admit(await withRoles(["devices", "wp-admins", 7]))).principal.role).toBe("admin");
  expect((await rig.admit(await withRoles(["devices"]), UPLOAD)).principal.role).toBe("ingest");
  const all = await rig.admit(await withRoles(["wp-admins"], { org: { sites: ["*", "x"] } }));
  expect(all.principal.scope.isEverything).toBe(true);
  for (const org of [undefined, {}, { sites: [] }, { sites: [7] }, { sites: {} }, { sites: "" }, { sites: [""] }]) {
    const { message } = await rig.refusal(await withRoles(["wp-admins"], { org }));
    expect(message).toMatch(/claim org\.sites is .*; wanted sites as names or globs|are no scope/);
    rig.clock.advance(MINUTE);
  }
});

test("what is open ends with its JWT, and is refused from then on", async () => {
  await using rig = await jwtRig();
  const jwt = await rig.made();
  const cuts: string[] = [];
  (await rig.admit(jwt)).hold(({ status, message }) => void cuts.push(`${status} ${message}`));
  rig.clock.advance(HOUR + 9_999);
  await rig.provider.settled();
  expect(cuts).toEqual([]);
  rig.clock.advance(1);
  expect(cuts).toEqual(["UNAUTHENTICATED the token has run out"]);
  expect((await rig.refusal(jwt)).message).toContain('the JWT of "ann" has run out on 2026-01-01T01:00:10.000Z');
  expect(rig.reasons).toEqual(["expired_jwt"]);
});

describe("keys", () => {
  test("a new one is asked for when it is first named, an unknown one not again and again", async () => {
    await using rig = await jwtRig();
    const next = await newKey("two");
    const fetches = () => rig.server.asked.filter((path) => path === "/keys").length;
    rig.server.keys.push(next.jwk);
    const jwt = await rig.made({}, {}, next);
    // Too soon after the fetch of the start.
    expect((await rig.refusal(jwt)).message).toContain('the key "two"');
    rig.clock.advance(10_000);
    expect((await rig.admit(jwt)).principal.name).toBe("ann");
    expect(fetches()).toBe(2);

    const strangers = await Promise.all(Array.from({ length: 30 }, (_, i) => newKey(`stranger-${i}`)));
    rig.clock.advance(10_000);
    await Promise.all(strangers.map(async (key) => rig.refusal(await rig.made({}, {}, key))));
    expect(fetches()).toBe(3);
    for (const key of strangers) await rig.refusal(await rig.made({}, {}, key));
    expect(fetches()).toBe(3);
  });

  test("one that is withdrawn takes along what was signed with it, the others stay", async () => {
    await using rig = await jwtRig({}, ["one", "two"]);
    const [first, second] = await Promise.all(rig.keys.map((key) => rig.made({}, {}, key)));
    const cuts: string[] = [];
    for (const [name, jwt] of Object.entries({ first, second })) {
      (await rig.admit(jwt)).hold(({ message }) => void cuts.push(`${name}: ${message}`));
    }
    rig.server.keys = [rig.keys[1].jwk];
    rig.clock.advance(5 * MINUTE);
    await rig.provider.settled();
    expect(cuts).toEqual(["first: the identity provider has withdrawn the key of the JWT"]);
    expect((await rig.refusal(first)).message).toContain('the key "one"');
    expect(rig.gate.admit(QUERY, showing(second))).not.toBeInstanceOf(Promise);
  });

  test("another key of the same name is another key", async () => {
    await using rig = await jwtRig();
    const jwt = await rig.made();
    await rig.admit(jwt);
    rig.server.keys = [(await newKey("one")).jwk];
    rig.clock.advance(5 * MINUTE);
    await rig.provider.settled();
    expect((await rig.refusal(jwt)).message).toContain("the signature of the JWT is not that");
  });

  const away = () => new Response("not now", { status: 503 });
  const bodyOf = (body: string) => () => new Response(body);
  const bomb = gzipSync("x".repeat(1e6));
  const troubles: [string, Answering, string][] = [
    ["away", away, "it answered with HTTP 503"],
    ["no JSON", bodyOf("<html>"), "is no JSON object"],
    ["a list", bodyOf("[]"), "is no JSON object"],
    ["keys that are none", bodyOf('{"keys": {}}'), "has no list of keys"],
    ["keys of nothing", bodyOf('{"keys": [null, 7, "x", {}]}'), "has no public keys"],
    ["too many keys", bodyOf(`{"keys": [${Array(101).fill("{}").join()}]}`), "has 101 keys"],
    ["huge", () => new Response("x".repeat(300 * 1024)), "is larger than 256 KiB"],
    ["elsewhere", () => Response.redirect("http://127.0.0.1:1/keys", 302), "it answered with HTTP 302"],
    ["packed", () => new Response(bomb, { headers: { "content-encoding": "gzip" } }), "no JSON"],
  ];
  for (const [name, answering, why] of troubles) {
    test(`those that are known go on while the provider is ${name}, for a bounded time`, async () => {
      await using rig = await jwtRig({ keysUrl: "auto", keysKeptMs: 30 * MINUTE });
      const [good, cuts] = [await rig.made({ exp: rig.clock.nowMs() / 1_000 + 86_400 }), [] as string[]];
      (await rig.admit(good)).hold(({ message }) => void cuts.push(message));
      rig.server.answering = (path) => (path === "/keys" ? answering(path) : undefined);
      const pass = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += MINUTE / 2) {
          rig.clock.advance(MINUTE / 2);
          await rig.provider.settled();
        }
      };
      await pass(29 * MINUTE);
      expect(rig.troubles.at(-1)).toContain(why);
      expect((await rig.admit(await rig.made())).principal.name).toBe("ann");
      const other = await rig.made({}, {}, await newKey("two"));
      expect(await rig.refusal(other)).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining(why) });
      expect(cuts).toEqual([]);
      await pass(2 * MINUTE);
      expect(cuts).toEqual(["the identity provider has withdrawn the key of the JWT"]);
      expect(await rig.refusal(good)).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 5_000 });
      expect(rig.logins).toEqual([]);

      rig.server.answering = undefined;
      await pass(MINUTE);
      expect((await rig.admit(good)).principal.name).toBe("ann");
    });
  }

  test("a provider that never answers holds nobody up for long", async () => {
    await using rig = await jwtRig();
    rig.server.answering = () => new Promise(() => {});
    rig.clock.advance(10_000);
    const refused = rig.refusal(await rig.made({}, {}, await newKey("two")));
    while (rig.server.asked.length < 3) await Bun.sleep(1);
    expect((await rig.admit(await rig.made())).principal.name).toBe("ann");
    rig.clock.advance(5_000);
    expect((await refused).message).toContain("it took longer than 5 s");
  });

  test("what the issuer's configuration says must be of the issuer, and on a way that nobody can change", async () => {
    const said: [object, string][] = [
      [
        { issuer: "https://evil.example.org", jwks_uri: "https://evil.example.org/keys" },
        'of the issuer "https://evil',
      ],
      [{ jwks_uri: "http://keys.example.org/keys" }, "wanted an https address"],
      [{ jwks_uri: "file:///etc/passwd" }, "wanted an https address"],
      [{ jwks_uri: 7 }, "wanted an https address"],
    ];
    for (const [fields, why] of said) {
      await using rig = await jwtRig();
      rig.server.answering = () => Response.json({ issuer: rig.server.issuer, ...fields });
      rig.clock.advance(5 * MINUTE);
      await rig.provider.settled();
      expect(rig.troubles.at(-1)).toContain(why);
    }
  });
});

test("of an address that floods few are verified, others come through, and what is known costs nothing", async () => {
  await using rig = await jwtRig();
  const good = await rig.made();
  await rig.admit(good);
  const garbage = Array.from({ length: 200 }, (_, i) => `${good}${i}`);
  for (const jwt of garbage) await rig.refusal(jwt);
  const looked = rig.reasons.filter((reason) => reason === "bad_jwt").length;
  // Those until it has to wait, and as many again.
  expect(looked).toBe(21);
  expect(rig.reasons.filter((reason) => reason === "busy")).toHaveLength(garbage.length - looked);
  expect(rig.gate.admit(QUERY, showing(good))).not.toBeInstanceOf(Promise);
  const other = await rig.made({ sub: "bob" });
  expect(await rig.refusal(other)).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 1_000 });
  rig.clock.advance(100);
  expect((await rig.admit(other)).principal.name).toBe("bob");
});

test("so many are verified at once, and no more", async () => {
  await using rig = await jwtRig();
  const verdicts = Array.from({ length: 1_001 }, (_, i) => rig.provider.verdictOf(`a.b.${i}`));
  expect(verdicts[999]).toBeInstanceOf(Promise);
  expect(verdicts[1_000]).toMatchObject({
    reason: "busy",
    message: expect.stringContaining("1000 are being verified"),
  });
  await Promise.all(verdicts);
  expect(await rig.provider.verdictOf("a.b.1001")).toMatchObject({ reason: "bad_jwt" });
});

test("with an admin of the provider the first token need not be one's", async () => {
  const { tokens } = await accessRig();
  const wanted = { name: "gw", role: "ingest", scope: undefined, expiresAtMs: undefined };
  await expect(tokens.create(wanted, "ann", true)).rejects.toThrow("the first token");
  const other = await Tokens.open({
    ...{ journal: new MemoryJournal(), clock: new ManualClock(), configured: undefined },
    ...{ hasOtherAdmins: true, onTrouble() {} },
  });
  expect((await other.create(wanted, "ann", true)).token.name).toBe("gw");
});
