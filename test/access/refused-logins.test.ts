/** What is shown and not good: slowed, counted and told of, and nobody else kept out. */
import { expect, test } from "bun:test";
import { RefusedLogins, type RefusedLogin } from "../../src/access/refused-logins.ts";
import type { Refusal } from "../../src/access/credential.ts";
import { loginRoutes } from "../../src/access/login.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { networkOf } from "../../src/model/network.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { accessRig, bare, QUERY, showing } from "./rig.ts";

const [SECOND, MINUTE] = [1_000, 60_000];
const FREE = 10;
const UNKNOWN: Refusal = { reason: "unknown_token", message: "the token is not known here" };

function refusedRig() {
  const clock = new ManualClock();
  // Clocks of machines count in parts of a millisecond.
  clock.advance(0.3);
  const [logins, reasons] = [[] as RefusedLogin[], [] as string[]];
  const onRefused = (reason: string) => void reasons.push(reason);
  const refused = new RefusedLogins({ clock, onRefused, onLogin: (login) => void logins.push(login) });
  const waitMs = (peer = "10.0.0.9", refusal = UNKNOWN) => refused.errorOf(peer, refusal).retryAfterMs ?? 0;
  return { clock, logins, reasons, refused, waitMs };
}

/** Once that many have failed. */
function failing(rig: ReturnType<typeof refusedRig>, times: number, peer?: string, refusal?: Refusal): void {
  for (let i = 0; i < times; i++) expect(rig.waitMs(peer, refusal)).toBe(0);
}

test("after a few failures the next ones are told to wait, longer and longer, and up to a bound", () => {
  const rig = refusedRig();
  failing(rig, FREE);
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    failing(rig, 1);
    rig.clock.advance(0.25);
    const { status, message, retryAfterMs = 0 } = rig.refused.errorOf("10.0.0.9", UNKNOWN);
    expect(status).toBe("RESOURCE_EXHAUSTED");
    expect(message).toMatch(
      /^too many credentials from 10\.0\.0\.9 .*again in \d+ s\. This one: the token is not known here$/,
    );
    waits.push(retryAfterMs);
    rig.clock.advance(retryAfterMs);
  }
  expect(waits.slice(0, 4)).toEqual([...waits.slice(0, 4)].sort((a, b) => a - b));
  expect(waits.every(Number.isInteger)).toBe(true);
  expect(waits[0]).toBe(SECOND);
  expect(waits[3]).toBeGreaterThan(6 * SECOND);
  expect(waits.at(-1)).toBeGreaterThan(MINUTE / 2);
  expect(Math.max(...waits)).toBeLessThanOrEqual(MINUTE);
});

test("whoever tries without end meanwhile does not wait longer for it, and a while later all is forgotten", () => {
  const rig = refusedRig();
  failing(rig, FREE + 1);
  for (let i = 0; i < 1_000; i++) expect(rig.waitMs()).toBe(SECOND);
  rig.clock.advance(SECOND);
  failing(rig, 1);
  rig.clock.advance(20 * MINUTE);
  failing(rig, FREE);
});

test("each address counts by itself, of IPv6 each network", () => {
  const rig = refusedRig();
  failing(rig, FREE + 1, "10.0.0.1");
  failing(rig, FREE + 1, "2001:db8::1");
  expect(rig.waitMs("::ffff:10.0.0.1")).toBeGreaterThan(0);
  expect(rig.waitMs("2001:db8:0:0:ffff::2")).toBeGreaterThan(0);
  expect(rig.waitMs("10.0.0.2")).toBe(0);
  expect(rig.waitMs("2001:db8:0:1::1")).toBe(0);
  const networks: [string, string][] = [
    ["::1", "0:0:0:0::/64"],
    ["2001:DB8:00a1::", "2001:db8:a1:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["[1:2:3:4:5:6:7:8]", "1:2:3:4::/64"],
    ["", ""],
  ];
  for (const [peer, network] of networks) expect(networkOf(peer)).toBe(network);
});

test("however many addresses there are, so many are remembered", () => {
  const rig = refusedRig();
  failing(rig, FREE + 1, "10.0.0.1");
  for (let i = 0; i < 20_000; i++) rig.waitMs(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  expect(rig.refused.size).toBe(10_000);
  expect(rig.waitMs("10.0.0.1")).toBe(0);
});

test("pages whose session has ended may ask several things; nobody is to blame for a provider that is away", () => {
  const rig = refusedRig();
  failing(rig, 90, "10.0.0.1", { reason: "ended_session", message: "the session has ended" });
  failing(rig, 1_000, "10.0.0.2", { reason: "no_credential", message: "no token came" });
  const away = rig.refused.errorOf("10.0.0.2", { reason: "keys_unavailable", message: "no keys" });
  expect(away).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 5 * SECOND });
  expect(new Set(rig.logins.map(({ reason }) => reason))).toEqual(new Set(["ended_session"]));
  expect(rig.reasons).toHaveLength(1_091);
});

test("of each address and reason one line is told in a minute, of all together sixty, and how many there were more", () => {
  const rig = refusedRig();
  failing(rig, FREE);
  rig.waitMs("10.0.0.9", { reason: "expired_token", message: "run out" });
  expect(rig.logins).toEqual([
    { address: "10.0.0.9", reason: "unknown_token", why: UNKNOWN.message, more: 0 },
    { address: "10.0.0.9", reason: "expired_token", why: "run out", more: FREE - 1 },
  ]);
  for (let i = 0; i < 200; i++) rig.waitMs(`10.0.1.${i}`);
  expect(rig.logins).toHaveLength(60);
  rig.clock.advance(MINUTE);
  rig.waitMs();
  expect(rig.logins.at(-1)).toMatchObject({ address: "10.0.0.9", more: 142 });
});

test("a good token is taken all the same, and nobody reads of what was shown", async () => {
  const { admit, make, logins, reasons } = await accessRig();
  const good = await make({ name: "me" });
  const bad = `${good.slice(0, -4)}AAAA`;
  const tried = Array.from({ length: FREE + 5 }, () => {
    try {
      return admit(QUERY, showing(bad)).principal.name;
    } catch (error) {
      return (error as WatchpostError).status;
    }
  });
  expect(new Set(tried)).toEqual(new Set(["UNAUTHENTICATED", "RESOURCE_EXHAUSTED"]));
  expect(admit(QUERY, showing(good)).principal.name).toBe("me");
  expect(reasons).toEqual(tried.map(() => "unknown_token"));
  expect(JSON.stringify(logins)).not.toContain("AAAA");
});

test("what a browser that came over TLS has is for TLS alone, also where a proxy spoke it", async () => {
  const { gate, tokens, deeds, clock, make } = await accessRig();
  const token = await make({ name: "me" });
  const [login, logout] = loginRoutes({ gate, tokens, deeds, nowMs: () => clock.nowMs() });
  const cookiesOf = async (url: string, headers: Record<string, string>) => {
    const body = async () => Buffer.from(JSON.stringify({ token }));
    const call = { ...bare(headers), url: new URL(url), method: "POST", body } as never;
    const answers = [await login.run(call), await logout.run(call)];
    return answers.map((answer) => answer.headers.get("set-cookie")!.replace(/=[\w-]*;/, "=…;"));
  };
  const secure = /^__Host-watchpost_session_8443=…; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/;
  const host = "gw:8443";
  for (const cookie of await cookiesOf("https://gw:8443/login", { host })) expect(cookie).toMatch(secure);
  const proxied = { host, origin: "https://gw:8443" };
  for (const cookie of await cookiesOf("http://gw:8443/login", proxied)) expect(cookie).toMatch(secure);
  for (const cookie of await cookiesOf("http://gw:8443/login", { host, origin: "http://gw:8443" })) {
    expect(cookie).toMatch(/^watchpost_session_8443=…; .*Max-Age=\d+$/);
  }
});

test("logins of browsers are slowed as calls are", async () => {
  const { gate, tokens, deeds, clock, make } = await accessRig();
  const good = await make({ name: "me" });
  const sender = await make({ name: "gw-7", role: "ingest" });
  const [login] = loginRoutes({ gate, tokens, deeds, nowMs: () => clock.nowMs() });
  const trying = async (token: string) => {
    const body = async () => Buffer.from(JSON.stringify({ token }));
    const call = { ...bare(), url: new URL("http://h/login"), method: "POST", body } as never;
    return login.run(call).catch((error: unknown) => login.fail(error, call));
  };
  const pointless = await trying(sender);
  expect([pointless.status, await pointless.text()]).toEqual([
    403,
    expect.stringContaining("gw-7 has the role ingest"),
  ]);
  const statuses = [];
  for (let i = 0; i < FREE + 3; i++) statuses.push((await trying("wp_x")).status);
  expect(statuses).toEqual([...Array<number>(FREE + 1).fill(401), 429, 429]);
  expect((await trying("wp_x")).headers.get("retry-after")).toBe("1");
  expect((await trying("a.b.c")).status).toBe(429);
  expect((await trying(good)).status).toBe(200);
});

test("a page is told as whom its calls are taken, and why as nobody's; what it shows counts as any call's", async () => {
  const { gate, tokens, deeds, clock, make, reasons } = await accessRig({ isInsecure: false });
  const routes = loginRoutes({ gate, tokens, deeds, nowMs: () => clock.nowMs() });
  const told = async (headers: Record<string, string> = {}) => {
    const call = { ...bare({ host: "h", ...headers }), url: new URL("http://h/login"), method: "GET" } as never;
    return (await routes.find(({ methods }) => methods.includes("GET"))!.run(call)).json();
  };
  expect(await told()).toMatchObject({ name: "anonymous", reason: "" });
  expect(await told({ "x-forwarded-for": "10.0.0.1" })).toMatchObject({ name: "", reason: "through_proxy" });
  await make({ name: "me" });
  expect(await told()).toMatchObject({ name: "", reason: "no_credential" });
  const token = tokens.ofSecret(await make({ name: "Ada", role: "viewer" }))!;
  const cookie = `watchpost_session=${(await tokens.openWebSession(token)).secret}`;
  expect(await told({ cookie })).toEqual({ name: "Ada", role: "viewer", reason: "", message: "" });
  await tokens.revoke("Ada", "me");
  expect(await told({ cookie })).toMatchObject({
    reason: "ended_session",
    message: expect.stringContaining('its token "Ada" was revoked'),
  });
  expect(reasons).toEqual(["through_proxy", "no_credential", "ended_session"]);
});
