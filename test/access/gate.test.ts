import { expect, test } from "bun:test";
import { calledAs } from "../../src/access/route-paths.ts";
import { newSecret } from "../../src/access/secret.ts";
import { needFor, tabled } from "../../src/access/table.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import type { Principal } from "../../src/wire/service.ts";
import { accessRig, ACK, bare, QUERY, showing, UPLOAD } from "./rig.ts";

const HEALTH = "grpc.health.v1.Health/Check";

function refusalOf(run: () => unknown): Pick<WatchpostError, "status" | "message"> {
  try {
    run();
  } catch (error) {
    return error as WatchpostError;
  }
  throw new Error("it was taken");
}

test("without a token everybody may do everything, but nobody through a proxy", async () => {
  const { admit } = await accessRig();
  const { principal } = admit(ACK, bare());
  expect(principal).toMatchObject({ name: "anonymous", isAuthenticated: false, role: "admin" });
  const added = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded",
  ];
  for (const header of [...added, "x-real-ip", "x-original-forwarded-for", "via", "cf-connecting-ip", "x-client-ip"]) {
    const { status, message } = refusalOf(() => admit(QUERY, bare({ [header]: "10.1.1.1" })));
    expect(status).toBe("UNAUTHENTICATED");
    expect(message).toContain(header);
  }
  const { admit: open } = await accessRig({ isInsecure: true });
  expect(open(QUERY, bare({ forwarded: "for=10.1.1.1" })).principal.role).toBe("admin");
});

test("once there is a token nobody is served without one, whatever they show", async () => {
  const { admit, make } = await accessRig();
  const secret = await make({ name: "me" });
  const strangers = [
    bare(),
    bare({ authorization: "" }),
    bare({ authorization: "Bearer" }),
    bare({ authorization: "Bearer wp_x" }),
    bare({ authorization: `Bearer ${secret}x` }),
    bare({ cookie: `watchpost_session=${secret}` }),
    bare({ cookie: "watchpost_session=" }),
    bare({ authorization: "Basic !!!" }),
  ];
  for (const stranger of strangers) expect(refusalOf(() => admit(QUERY, stranger)).status).toBe("UNAUTHENTICATED");
  expect(admit(HEALTH, bare()).principal.isAuthenticated).toBe(false);
  expect(refusalOf(() => admit("analytics.Dashboard/Unheard", showing(secret))).status).toBe("PERMISSION_DENIED");
});

test("what nodes tell each other is for them alone, by their key; who calls over a node is no node", async () => {
  const key = newSecret().secret;
  let other: { principal: Principal; peer: string } | undefined;
  const nodes = { isKey: (secret: string) => secret === key, callerIn: () => other };
  const { admit, make } = await accessRig({ nodes });
  const between = [...tabled()].filter((name) => needFor(name)!.isForNodes);
  expect(between.map(calledAs).join()).toContain("QuerySeries");
  for (const name of between) {
    const { status, message } = refusalOf(() => admit(name, bare()));
    expect([status, message]).toEqual(["PERMISSION_DENIED", expect.stringContaining("anonymous is none of them")]);
    expect(admit(name, showing(key)).principal.via).toBe("node");
  }
  const admin = await make({ name: "ann" });
  other = { principal: admit(QUERY, showing(admin)).principal, peer: "10.0.0.1" };
  for (const secret of [admin, key]) {
    for (const name of between)
      expect(refusalOf(() => admit(name, showing(secret))).message).toContain("ann is none of them");
    expect(admit(QUERY, showing(secret)).principal.name).toBe("ann");
  }
});

test("a token is taken in the forms that other senders have, and behind a proxy", async () => {
  const { admit, make } = await accessRig();
  const secret = await make({ name: "me" });
  const basic = Buffer.from(`user:${secret}`).toString("base64");
  for (const given of [`Bearer ${secret}`, `bearer  ${secret}`, `Token ${secret}`, `Basic ${basic}`, secret]) {
    const caller = bare({ authorization: given, "x-forwarded-for": "10.1.1.1" });
    expect(admit(QUERY, caller).principal).toMatchObject({ name: "me", isAuthenticated: true, via: "token" });
  }
});

test("a role is kept to, and whoever sees part of the server may not do what is about all of it", async () => {
  const { admit, make } = await accessRig();
  await make({ name: "me" });
  const ingest = await make({ name: "gw", role: "ingest" });
  const viewer = await make({ name: "v", role: "viewer" });
  const part = await make({ name: "p", role: "admin", scope: { sources: ["gw-*"], devices: [], sites: [] } });
  expect(admit(UPLOAD, showing(ingest)).principal.role).toBe("ingest");
  const denied = [
    [ingest, QUERY, "gw has the role ingest, which may not call"],
    [viewer, UPLOAD, "wanted ingest or operator or admin"],
    [viewer, ACK, "wanted operator or admin"],
    [ingest, "http.metrics", "may not call /metrics; wanted viewer or operator or admin"],
    [part, "http.metrics", "and /metrics is about all of it"],
    [part, "analytics.Dashboard/Backup", "p sees part of this server (sources gw-*)"],
    [part, "analytics.Access/CreateToken", "wanted a token without a scope"],
  ];
  for (const [secret, name, why] of denied) {
    const { status, message } = refusalOf(() => admit(name, showing(secret)));
    expect(status).toBe("PERMISSION_DENIED");
    expect(message).toContain(why);
  }
  const { scope } = admit(QUERY, showing(part)).principal;
  expect(scope.takes({ source: "gw-7", device: "d", site: "" })).toBe(true);
  expect(scope.takes({ source: "other", device: "d", site: "" })).toBe(false);
});

test("what is open ends when its token is revoked, its session logged out, or the first token made", async () => {
  const { admit, make, tokens } = await accessRig();
  const cuts: string[] = [];
  const holding = (name: string, caller: Parameters<typeof admit>[1]) =>
    admit(QUERY, caller).hold(({ status }) => void cuts.push(`${name} ${status}`));
  holding("anonymous", bare());
  await make({ name: "keeper" });
  expect(cuts).toEqual(["anonymous UNAUTHENTICATED"]);

  const secret = await make({ name: "v", role: "viewer" });
  holding("one", showing(secret));
  holding("left", showing(secret))();
  const { secret: cookie } = await tokens.openWebSession(tokens.ofSecret(secret)!);
  holding("browser", bare({ cookie: `a=b; watchpost_session=${cookie}` }));
  await tokens.closeWebSession(cookie);
  expect(cuts.slice(1)).toEqual(["browser UNAUTHENTICATED"]);
  await tokens.revoke("v", "ann");
  expect(cuts.slice(2)).toEqual(["one UNAUTHENTICATED"]);
  expect(refusalOf(() => admit(QUERY, showing(secret))).message).toContain("or was revoked");
});

test("a session of a browser is of one port of its host: others there have cookies of their own", async () => {
  const { admit, make, tokens } = await accessRig();
  const secret = await make({ name: "me" });
  const { secret: session } = await tokens.openWebSession(tokens.ofSecret(secret)!);
  const cookie = `watchpost_session=x; watchpost_session_8081=y; watchpost_session_8080=${session}`;
  expect(admit(QUERY, bare({ host: "gw:8080", cookie })).principal.via).toBe("session");
  expect(admit(QUERY, bare({ host: "[::1]:8080", cookie })).principal.via).toBe("session");
  for (const host of ["gw", "[::1]", "gw:8081"]) {
    expect(refusalOf(() => admit(QUERY, bare({ host, cookie }))).message).toContain("log in again");
  }
});

test("over TLS a session is in a cookie that nobody else can make a browser show, behind a proxy that speaks it too", async () => {
  for (const isTls of [true, false]) {
    const { admit, make, tokens } = await accessRig({ isTls });
    const secret = await make({ name: "me" });
    const { secret: session } = await tokens.openWebSession(tokens.ofSecret(secret)!);
    const cookie = `watchpost_session=x; __Host-watchpost_session=${session}`;
    expect(admit(QUERY, bare({ host: "gw", cookie })).principal.via).toBe("session");
    const plain = bare({ host: "gw", cookie: `watchpost_session=${session}` });
    if (isTls) expect(refusalOf(() => admit(QUERY, plain)).message).toContain("no token came");
    else expect(admit(QUERY, plain).principal.via).toBe("session");
  }
});

test("what is open ends soon after the clock was set past the end of its token", async () => {
  const { admit, make, clock } = await accessRig();
  await make({ name: "keeper" });
  const secret = await make({ name: "v", role: "viewer", expiresAtMs: clock.nowMs() + 3_600_000 });
  const cuts: string[] = [];
  admit(QUERY, showing(secret)).hold(({ message }) => void cuts.push(message));
  clock.advance(1_000);
  clock.setWallClock(clock.nowMs() + 86_400_000);
  clock.advance(60_000);
  expect(cuts).toEqual(["the token has run out"]);
  expect(clock.timers).toBe(0);
});

test("what is open ends when its token runs out, also where that is further away than a timer reaches", async () => {
  const { admit, make, clock } = await accessRig();
  await make({ name: "keeper" });
  const days = 40;
  const secret = await make({ name: "v", role: "viewer", expiresAtMs: clock.nowMs() + days * 86_400_000 });
  const cuts: string[] = [];
  admit(QUERY, showing(secret)).hold(({ message }) => void cuts.push(message));
  const release = admit(QUERY, showing(secret)).hold(({ message }) => void cuts.push(message));
  expect(clock.dueInMs).toBeLessThan(2 ** 31);
  release();
  for (let day = 1; day < days; day++) clock.advance(86_400_000);
  expect(cuts).toEqual([]);
  clock.advance(86_400_000);
  expect(cuts).toEqual(["the token has run out"]);
  expect(clock.timers).toBe(0);
  expect(refusalOf(() => admit(QUERY, showing(secret))).message).toContain('the token "v" has run out on 2026-02-10');
});

test("who calls from within the process is known with and without tokens, and goes on over the first one", async () => {
  const { secret, hash } = newSecret();
  const { admit, make } = await accessRig({ own: { name: "demo", hash } });
  const before = admit(UPLOAD, showing(secret));
  expect(before.principal).toMatchObject({ name: "demo", isAuthenticated: true, role: "admin" });
  expect(admit(UPLOAD, showing(`${secret.slice(0, -1)}!`)).principal.name).toBe("anonymous");
  let isCut = false;
  before.hold(() => (isCut = true));
  await make({ name: "me" });
  expect([isCut, admit(UPLOAD, showing(secret)).principal.name]).toEqual([false, "demo"]);
  expect(refusalOf(() => admit(UPLOAD, showing(newSecret().secret))).status).toBe("UNAUTHENTICATED");
});
