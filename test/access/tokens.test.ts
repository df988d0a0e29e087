import { expect, test } from "bun:test";
import { hashOf, newSecret } from "../../src/access/secret.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { DAMAGED } from "../../src/model/journal.ts";
import { accessRig, bare, QUERY, showing } from "./rig.ts";

test("the secret is shown once: the journal has its hash alone", async () => {
  const { journal, make, tokens } = await accessRig();
  const secret = await make({ name: "me" });
  expect(secret).toMatch(/^wp_[0-9a-f]{10}_[\w-]{43}$/);
  const stored = JSON.stringify([
    await journal.read({ after: 0, limit: 10 }),
    await journal.documents({ collection: "token", limit: 10 }),
  ]);
  expect(stored).toContain(hashOf(secret));
  expect(stored).not.toContain(secret.slice("wp_".length + 11));
  expect(tokens.ofSecret(secret)?.name).toBe("me");
});

test("nothing but the whole secret is taken for it", async () => {
  const { make, tokens } = await accessRig();
  const secret = await make({ name: "me" });
  const [, id] = secret.split("_");
  const others = [
    "",
    secret.slice(0, -1),
    `${secret}x`,
    ` ${secret}`,
    secret.toUpperCase(),
    `wp_${id}_`,
    newSecret().secret,
    `wp_${id}_${newSecret().secret.slice(-43)}`,
    hashOf(secret),
    "wp_constructor_x",
  ];
  for (const other of others) expect(tokens.ofSecret(other)).toBeUndefined();
});

test("the first token must be an admin's that lasts", async () => {
  const { make, tokens } = await accessRig();
  const firsts = [
    { name: "a", role: "viewer" },
    { name: "a", role: "admin", expiresAtMs: Date.UTC(2027, 0, 1) },
    { name: "a", role: "admin", scope: { sources: ["x"], devices: [], sites: [] } },
  ];
  for (const first of firsts) await expect(make(first)).rejects.toThrow("the first token turns authentication on");
  expect(tokens.isAny).toBe(false);
  await make({ name: "a" });
  await make({ name: "b", role: "viewer" });
  expect(tokens.isAny).toBe(true);
});

test("of two who make a first token at once one is told that there is one", async () => {
  const { tokens } = await accessRig();
  const wanted = { role: "admin", scope: undefined, expiresAtMs: undefined };
  const made = ["a", "b"].map((name) => tokens.create({ ...wanted, name }, "anonymous", false));
  expect((await made[0]).token.name).toBe("a");
  await expect(made[1]).rejects.toThrow("somebody has made a first token just now");
  expect(tokens.list().map(({ name }) => name)).toEqual(["a"]);
});

test("the last admin who lasts cannot be revoked, but once there is another", async () => {
  const { make, tokens } = await accessRig();
  await make({ name: "a" });
  await make({ name: "for-now", expiresAtMs: Date.UTC(2027, 0, 1) });
  await expect(tokens.revoke("a", "ann")).rejects.toThrow("a is the last admin");
  await make({ name: "b" });
  expect((await tokens.revoke("a", "ann")).name).toBe("a");
  await expect(tokens.revoke("a", "ann")).rejects.toThrow('there is no token "a"');
});

test("what is wrong with a wanted token is said", async () => {
  const { make } = await accessRig();
  await make({ name: "a" });
  await expect(make({ name: "a", role: "viewer" })).rejects.toThrow('there is a token "a" already');
  await expect(make({ name: " ", role: "viewer" })).rejects.toThrow("name is");
  await expect(make({ name: "x\ny", role: "viewer" })).rejects.toThrow("on one line");
  for (const like of ["a\u200b", "\u202ea", "a\ufeff", "\u2066a", "a\u2028b", "a\u00ad"])
    await expect(make({ name: like, role: "viewer" })).rejects.toThrow("that can be seen");
  await expect(make({ name: "0123456789", role: "viewer" })).rejects.toThrow("not the id of a token");
  await make({ name: "\u6771\u4eac Zo\u00eb\u0301 \u{1f3ed}", role: "viewer" });
  await expect(make({ name: "b", role: "root" })).rejects.toThrow(
    'role is "root"; wanted ingest, viewer, operator, admin',
  );
  await expect(make({ name: "b", role: "viewer", expiresAtMs: 5 })).rejects.toThrow("within the next ten years");
  await expect(make({ name: "b", role: "viewer", expiresAtMs: 8.7e15 })).rejects.toThrow("within the next ten years");
  const scope = { sources: [""], devices: [], sites: [] };
  await expect(make({ name: "b", role: "viewer", scope })).rejects.toThrow("scope.sources[0]");
});

test("tokens, sessions and when they were used outlive a restart", async () => {
  const journal = new MemoryJournal();
  const before = await accessRig({ journal });
  const secret = await before.make({ name: "a" });
  const kept = before.tokens.ofSecret(secret)!;
  const { secret: cookie } = await before.tokens.openWebSession(kept);
  before.clock.advance(5_000);
  before.tokens.used(kept);
  await before.tokens.flushUse();

  const after = await accessRig({ journal });
  expect(after.tokens.isAny).toBe(true);
  expect(after.tokens.list()).toEqual([{ ...kept, lastUsedAtMs: before.clock.nowMs(), scope: expect.anything() }]);
  expect(after.tokens.ofSecret(secret)?.role).toBe("admin");
  expect(after.tokens.ofWebSession(cookie)?.token.name).toBe("a");
});

test("one who logs in without end loses sessions of their own, can still be revoked, and others log in when all have run out", async () => {
  const { make, tokens, clock, journal } = await accessRig();
  const append = journal.append.bind(journal);
  journal.append = async (events, changes = []) => {
    if (events.length + changes.length > 1_002) throw new Error("more than goes into the journal at once");
    return append(events, changes);
  };
  await make({ name: "keeper" });
  const [one, other] = [await make({ name: "a", role: "viewer" }), await make({ name: "b", role: "viewer" })].map(
    (secret) => tokens.ofSecret(secret)!,
  );
  const kept = await tokens.openWebSession(other);
  const first = await tokens.openWebSession(one);
  clock.advance(1);
  for (let i = 0; i < 1_000; i++) await tokens.openWebSession(one);
  expect(tokens.ofWebSession(first.secret)).toBeUndefined();
  expect(tokens.ofWebSession(kept.secret)).toBeDefined();
  clock.advance(kept.session.expiresAtMs);
  const again = await tokens.openWebSession(other);
  expect(tokens.ofWebSession(again.secret)).toBeDefined();
  await tokens.revoke("a", "ann");
  await expect(tokens.openWebSession(one)).rejects.toThrow("the token was revoked just now");
});

test("a session ends when it is logged out, when its token is revoked, and by its age", async () => {
  const { make, tokens, clock } = await accessRig();
  await make({ name: "keeper" });
  const token = tokens.ofSecret(await make({ name: "a", role: "viewer" }))!;
  const [one, two] = [await tokens.openWebSession(token), await tokens.openWebSession(token)];
  await tokens.closeWebSession(one.secret);
  expect(tokens.ofWebSession(one.secret)).toBeUndefined();
  expect(tokens.whyNoWebSession(one.secret)).toBe("it was logged out");
  expect(tokens.ofWebSession(two.secret)).toBeDefined();
  await tokens.revoke("a", "ann");
  expect(tokens.ofWebSession(two.secret)).toBeUndefined();
  expect(tokens.whyNoWebSession(two.secret)).toStartWith('its token "a" was revoked on ');
  // Whoever guesses an id is not told.
  expect(tokens.whyNoWebSession(two.secret.slice(0, -2) + "AA")).toStartWith("it is not known here");

  const other = tokens.ofSecret(await make({ name: "b", role: "viewer" }))!;
  const three = await tokens.openWebSession(other);
  clock.advance(three.session.expiresAtMs - clock.nowMs());
  expect(tokens.ofWebSession(three.secret)).toBeUndefined();
  const ranOut = /^it has run out on \S+ \S+ UTC$/;
  expect(tokens.whyNoWebSession(three.secret)).toMatch(ranOut);
  await tokens.openWebSession(other);
  expect(tokens.whyNoWebSession(three.secret)).toMatch(ranOut);
  const short = tokens.ofSecret(await make({ name: "c", role: "viewer", expiresAtMs: clock.nowMs() + 60_000 }))!;
  const four = await tokens.openWebSession(short);
  clock.advance(60_000);
  expect(tokens.whyNoWebSession(four.secret)).toStartWith('its token "c" has run out on ');
});

test("who logs in again and again logs out nobody else, and what was open with the first session ends", async () => {
  const { make, tokens, admit, journal } = await accessRig();
  const admin = tokens.ofSecret(await make({ name: "a" }))!;
  const viewer = tokens.ofSecret(await make({ name: "v", role: "viewer" }))!;
  const kept = await tokens.openWebSession(admin);
  const first = await tokens.openWebSession(viewer);
  const cuts: string[] = [];
  admit(QUERY, bare({ cookie: `watchpost_session=${first.secret}` })).hold(({ status }) => void cuts.push(status));
  for (let i = 0; i < 99; i++) await tokens.openWebSession(viewer);
  expect([tokens.ofWebSession(first.secret)?.token.name, cuts.length]).toEqual(["v", 0]);
  for (let i = 0; i < 500; i++) await tokens.openWebSession(viewer);
  expect(tokens.ofWebSession(first.secret)).toBeUndefined();
  expect(cuts).toEqual(["UNAUTHENTICATED"]);
  expect(tokens.ofWebSession(kept.secret)?.token.name).toBe("a");
  expect(journal.count("web-session")).toBe(101);
});

test("a token that cannot be read does not open the server to everybody", async () => {
  const journal = new MemoryJournal();
  const value = JSON.stringify({ name: "x", role: "emperor" });
  await journal.append([], [{ collection: "token", key: "0123456789", sort: 0, value }]);
  const { tokens, gate, troubles } = await accessRig({ journal });
  expect(tokens.list()).toEqual([]);
  expect(gate.isOn).toBe(true);
  expect(troubles.join()).toContain('the role "emperor" is not known');
});

test("nor does one that is damaged", async () => {
  const journal = new MemoryJournal();
  const before = await accessRig({ journal });
  const secret = await before.make({ name: "a" });
  const [document] = await journal.documents({ collection: "token", limit: 1 });
  await journal.append([], [{ ...document, value: DAMAGED }]);
  const { tokens, gate, admit, troubles } = await accessRig({ journal });
  expect(tokens.list()).toEqual([]);
  expect(gate.isOn).toBe(true);
  for (const caller of [bare(), showing(secret)]) expect(() => admit(QUERY, caller)).toThrow("an admin makes one");
  expect(troubles).toEqual([]);
});

test("a session of a configured admin ends where another secret is configured under the same id", async () => {
  const journal = new MemoryJournal();
  const { id, hash } = newSecret();
  const before = await accessRig({ journal, configured: { id, hash } });
  const { secret: session } = await before.tokens.openWebSession(before.tokens.list()[0]);
  const admin = async (configured: { id: string; hash: string }) =>
    (await accessRig({ journal, configured })).tokens.ofWebSession(session)?.token.name;
  expect(await admin({ id, hash })).toBe("admin");
  expect(await admin({ id, hash: newSecret().hash })).toBeUndefined();
});

test("a configured admin is one of them, and stays", async () => {
  const { id, hash, secret } = newSecret();
  const { tokens, make } = await accessRig({ configured: { id, hash } });
  expect(tokens.ofSecret(secret)).toMatchObject({ name: "admin", role: "admin" });
  await make({ name: "v", role: "viewer" });
  await expect(tokens.revoke("admin", "ann")).rejects.toThrow("taking auth.admin_token out of the configuration");
});

test("when many were used is kept a few hundred at a time, and goes on behind what failed", async () => {
  const { make, tokens, clock, journal } = await accessRig();
  await make({ name: "keeper" });
  for (let i = 0; i < 1_200; i++) await make({ name: `t${i}`, role: "viewer" });
  clock.advance(1_000);
  for (const token of tokens.list()) tokens.used(token);
  const append = journal.append.bind(journal);
  const sizes: number[] = [];
  journal.append = async (events, changes = []) => {
    sizes.push(changes.length);
    if (sizes.length === 2) throw new Error("the disk is full");
    return append(events, changes);
  };
  await expect(tokens.flushUse()).rejects.toThrow("the disk is full");
  await tokens.flushUse();
  expect(sizes).toEqual([500, 500, 500, 201]);
  await tokens.flushUse();
  expect(sizes.length).toBe(4);
  journal.append = append;
  const { tokens: again } = await accessRig({ journal });
  expect(again.list().map(({ lastUsedAtMs }) => lastUsedAtMs)).toEqual(tokens.list().map(() => clock.nowMs()));
});
