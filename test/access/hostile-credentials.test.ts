/** Whatever is shown that is not good: never taken, never a crash, never long. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { IdentityProvider } from "../../src/access/jwt/identity-provider.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { parseRoleMapping } from "../../src/model/role-mapping.ts";
import type { Caller } from "../../src/wire/gate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { newKey, TestIdentityProvider } from "./identity-provider.ts";
import { accessRig, bare, QUERY, UPLOAD } from "./rig.ts";

const REFUSED = ["UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"];
/** Far longer than any takes, also while others have the machine. */
const LONG_MS = 5_000;

let rig: Awaited<ReturnType<typeof hostileRig>>;

async function hostileRig() {
  const clock = new ManualClock();
  const keys = [await newKey("one"), await newKey("two", "RS256")];
  const server = new TestIdentityProvider(keys.map(({ jwk }) => jwk));
  const provider = await IdentityProvider.open(
    {
      ...{ issuer: server.issuer, audience: "watchpost", keysUrl: server.keysUrl, caFile: undefined },
      ...{ algorithms: ["ES256", "RS256"], nameClaim: "sub", roleClaim: "roles", leewayMs: 0, keysKeptMs: 3_600_000 },
      roles: parseRoleMapping("admin=a, operator=watchpost-operator")!,
      scopeClaims: { sources: undefined, devices: undefined, sites: undefined },
    },
    { clock, onTrouble() {} },
  );
  await provider.settled();
  const certificates = { role: "ingest", scope: "device" } as const;
  const access = await accessRig({ clock, provider, certificates });
  const secret = await access.make({ name: "me" });
  const { secret: cookie } = await access.tokens.openWebSession(access.tokens.ofSecret(secret)!);
  const jwts = await Promise.all(keys.map((key) => server.jwt(key, clock.nowMs())));
  return { ...access, server, provider, secret, cookie, jwts };
}

beforeAll(async () => {
  rig = await hostileRig();
});

afterAll(async () => {
  rig.provider.close();
  await rig.server[Symbol.asyncDispose]();
});

let callers = 0;

/** Refused, in words that do not repeat what was shown. Each comes from elsewhere: of those that have to wait not all is looked at. */
async function expectRefused(shown: Caller, secrets: readonly string[] = []): Promise<void> {
  const caller = { ...shown, peer: `10.${callers >> 16}.${(callers >> 8) & 255}.${callers++ & 255}` };
  const beganMs = performance.now();
  const outcome = await Promise.try(() => rig.gate.admit(QUERY, caller)).then(
    ({ principal }) => new Error(`${principal.name} was taken`),
    (error: unknown) => error,
  );
  expect(performance.now() - beganMs).toBeLessThan(LONG_MS);
  if (!(outcome instanceof WatchpostError)) throw outcome;
  expect(REFUSED).toContain(outcome.status);
  for (const secret of secrets) if (secret.length > 20) expect(outcome.message).not.toContain(secret);
}

/** One change somewhere: another character, one more, one less, a part twice, cut off. */
const mutation = fc.record({
  kind: fc.constantFrom("replace", "insert", "remove", "double", "cut", "case"),
  at: fc.nat(),
  with: fc.oneof(fc.string({ minLength: 1, maxLength: 3 }), fc.constantFrom(".", "=", "_", "-", "\0", " ", "A", "é")),
});

function mutated(text: string, { kind, at, with: other }: { kind: string; at: number; with: string }): string {
  const i = at % text.length;
  switch (kind) {
    case "replace":
      return text.slice(0, i) + other + text.slice(i + 1);
    case "insert":
      return text.slice(0, i) + other + text.slice(i);
    case "remove":
      return text.slice(0, i) + text.slice(i + 1);
    case "double":
      return text.slice(0, i) + text;
    case "case":
      return text.slice(0, i) + text[i].toLowerCase() + text.slice(i + 1).toUpperCase();
    default:
      return text.slice(0, i);
  }
}

test("headers of any text", async () => {
  const kinds = fc.constantFrom("", "Bearer ", "bearer\t", "Token ", "Basic ", "Digest ", "Bearer Bearer ");
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.base64String(),
    fc.nat(20_000).map((length) => "a.".repeat(length / 2)),
    fc.constantFrom("wp_", "..", "a.b.c", "a.b.", "__proto__", "constructor", "wp_0000000000_", " ".repeat(16_000)),
    fc.array(fc.base64String({ maxLength: 40 }), { minLength: 3, maxLength: 5 }).map((parts) => parts.join(".")),
  );
  const property = fc.asyncProperty(kinds, texts, (kind, text) => expectRefused(bare({ authorization: kind + text })));
  await fc.assert(property, { numRuns: 2_000 });
});

test("cookies of any text", async () => {
  const odd = fc.constantFrom(";", "=", ";;;;", "a".repeat(16_000));
  const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }), odd);
  const property = fc.asyncProperty(fc.array(texts), texts, (others, text) =>
    expectRefused(bare({ cookie: [...others, `watchpost_session=${text}`, ...others].join("; ") })),
  );
  await fc.assert(property, { numRuns: 1_000 });
});

test("tokens and cookies that are nearly good", async () => {
  const property = fc.asyncProperty(mutation, fc.boolean(), async (change, isCookie) => {
    const good = isCookie ? rig.cookie : rig.secret;
    const shown = mutated(good, change);
    fc.pre(shown.trim() !== good && !(isCookie && shown.split(/[;=]/)[0].trim() === good));
    const caller = bare(isCookie ? { cookie: `watchpost_session=${shown}` } : { authorization: `Bearer ${shown}` });
    await expectRefused(caller, [good, shown]);
  });
  await fc.assert(property, { numRuns: 2_000 });
});

test("JWTs that are nearly good, in any of their parts", async () => {
  const property = fc.asyncProperty(
    fc.constantFrom(0, 1),
    fc.constantFrom(0, 1, 2),
    mutation,
    fc.boolean(),
    async (which, part, change, isInside) => {
      const good = rig.jwts[which];
      const parts = good.split(".");
      const inside = Buffer.from(parts[part], "base64url").toString("latin1");
      parts[part] = isInside
        ? Buffer.from(mutated(inside, change), "latin1").toString("base64url")
        : mutated(parts[part], change);
      const shown = parts.join(".");
      // What decodes to the same bytes is the same JWT.
      const bytes = (jwt: string) =>
        jwt
          .split(".")
          .map((each) => Buffer.from(each, "base64url").toString("hex"))
          .join();
      fc.pre(bytes(shown) !== bytes(good));
      await expectRefused(bare({ authorization: `Bearer ${shown}` }), [good, shown]);
    },
  );
  await fc.assert(property, { numRuns: 2_000 });
});

test("JWTs whose header and claims are anything", async () => {
  const base64url = (value: unknown) =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const encoded = fc.oneof(fc.jsonValue(), fc.string()).map(base64url);
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom("ES256", "RS256", "HS256", "none", "one", "two", ["exp"]));
  const header = fc
    .record(
      { alg: field, kid: field, typ: field, crit: field, jwk: field, jku: field, x5u: field, b64: field, enc: field },
      { requiredKeys: ["alg"] },
    )
    .map(base64url);
  const signature = fc.oneof(
    fc.constant(""),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  );
  const property = fc.asyncProperty(fc.oneof(encoded, header), encoded, signature, (head, claims, end) =>
    expectRefused(bare({ authorization: `Bearer ${head}.${claims}.${end}` })),
  );
  await fc.assert(property, { numRuns: 2_000 });
  // Nobody is sent to fetch keys from where a header says.
  expect(new Set(rig.server.asked)).toEqual(new Set(["/keys"]));
});

test("claims that the provider has signed, whatever they are, give no more than they say", async () => {
  const key = await newKey("claims");
  rig.server.keys.push(key.jwk);
  rig.clock.advance(10_000);
  const odd = fc.constantFrom("admin", ["admin"], "A", { a: 1 }, ["watchpost-operators"], [["a"]]);
  const property = fc.asyncProperty(fc.oneof(fc.jsonValue(), odd), fc.jsonValue(), async (given, sub) => {
    const listed = typeof given === "string" ? given.split(" ") : Array.isArray(given) ? given : [];
    fc.pre(!listed.includes("a") && !listed.includes("watchpost-operator"));
    const jwt = await rig.server.jwt(key, rig.clock.nowMs(), { roles: given, sub: sub as string });
    await expectRefused(bare({ authorization: `Bearer ${jwt}` }));
  });
  await fc.assert(property, { numRuns: 500 });
});

test("a certificate of any name writes for its own device alone, or not at all", () => {
  const odd = fc.constantFrom("*", "a*", "?", "a|b", "pump-7", "");
  const names = fc.oneof(fc.string(), fc.string({ unit: "binary" }), odd);
  const property = fc.property(names, names, (commonName, device) => {
    const notAfterMs = rig.clock.nowMs() + 1;
    const certificate = { commonName, dnsNames: [], fingerprint: "a7".repeat(32), serialNumber: "1", notAfterMs };
    try {
      const { name, scope } = rig.admit(UPLOAD, { ...bare(), certificate }).principal;
      expect(name).toBe(commonName);
      expect(scope.takes({ source: "s", device, site: "" })).toBe(device === commonName);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
    }
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("after all that what is good is taken as ever, and little is remembered", async () => {
  expect(rig.admit(QUERY, bare({ authorization: `Bearer ${rig.secret}` })).principal.name).toBe("me");
  expect(rig.admit(QUERY, bare({ cookie: `watchpost_session=${rig.cookie}` })).principal.name).toBe("me");
  for (const jwt of rig.jwts) {
    const { principal } = await rig.gate.admit(QUERY, bare({ authorization: `Bearer ${jwt}` }));
    expect(principal.name).toBe("ann");
  }
  expect(rig.refused.size).toBeLessThanOrEqual(10_000);
  for (const { why } of rig.logins) expect(why).not.toMatch(/wp_[0-9a-f]{10}_/);
});
