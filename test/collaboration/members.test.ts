/** Who is here: told once, in order, over several streams, lost connections, crowds and restarts. */
import { describe, expect, test } from "bun:test";
import { SESSION_MEMBERS } from "../../src/collaboration/session-documents.ts";
import { SessionState } from "../../src/wire/gen/collaboration_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Rig, settle, type Member } from "./rig.ts";

const M = Collaboration.method;

/** What was told of who came and went. */
const comings = ({ kept }: Member) =>
  kept.filter(({ messageType }) => messageType === "system").map(({ message }) => message);

/** Who is here, as one who believes what it is told has it. */
function hereOf({ got }: Member): string[] {
  const here = new Set<string>();
  for (const { metadata, members } of got) {
    const event = metadata["event"];
    if (event === "snapshot") here.clear();
    if (event === "snapshot" || event === "joined" || event === "renamed")
      for (const { userId } of members) here.add(userId);
    if (event === "left") for (const { userId } of members) here.delete(userId);
    if (event === "renamed") here.delete(metadata["was"]!);
  }
  return [...here].sort();
}

const streamOf = ({ got }: Member) => got.findLast(({ metadata }) => metadata["stream_id"])!.metadata["stream_id"]!;

async function membersOf(rig: Rig, sessionId = "lobby"): Promise<[string, number][]> {
  const { session } = await rig.ask(M.getSession, { sessionId });
  return session!.members.map(({ userId, streams }) => [userId, streams]);
}

describe("a member", () => {
  test("is one over several streams, until all of them have ended", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const tab = await rig.join("ben");
    const second = await rig.join("ben", { metadata: { user_name: "Ben" } });
    expect(comings(ann)).toEqual(["ann joined", "ben joined"]);
    expect(await membersOf(rig)).toEqual([
      ["ann", 1],
      ["ben", 2],
    ]);
    // The stream is not told what it sent itself; its other one is.
    tab.say("from one");
    await settle();
    expect([tab.said, second.said]).toEqual([[], ["ben: from one"]]);
    await tab.end();
    expect([tab.ended?.status, await membersOf(rig)]).toEqual([
      "OK",
      [
        ["ann", 1],
        ["ben", 1],
      ],
    ]);
    await rig.advance(20_000, 1_000);
    expect(comings(ann)).toEqual(["ann joined", "ben joined"]);
    await second.end();
    expect(comings(ann)).toEqual(["ann joined", "ben joined", "Ben left"]);
    expect(await membersOf(rig)).toEqual([["ann", 1]]);
  });

  test("that lost its connection has 15 s to come back", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    ben.drop();
    await rig.advance(14_000, 1_000);
    expect(await membersOf(rig)).toEqual([
      ["ann", 1],
      ["ben", 0],
    ]);
    const back = await rig.join("ben", { metadata: { cursor: ben.cursor } });
    await rig.advance(60_000, 1_000);
    expect(comings(ann)).toEqual(["ann joined", "ben joined"]);
    back.drop();
    await settle();
    await rig.advance(15_000, 1_000);
    expect(comings(ann)).toEqual(["ann joined", "ben joined", "ben left"]);
    await rig.join("ben");
    expect(comings(ann).slice(3)).toEqual(["ben joined"]);
  });

  test("that said it leaves is gone at once", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    await ben.end();
    expect(comings(ann)).toEqual(["ann joined", "ben joined", "ben left"]);
    expect(hereOf(ann)).toEqual(["ann"]);
  });

  test("that goes on under another name is told of as one, and is here under that alone, also after a restart", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const guest = await rig.watch({ userId: "guest", userName: "A guest" });
    const ben = await rig.watch({ userId: "ben", insteadOf: streamOf(guest) });
    expect(comings(ann)).toEqual(["ann joined", "A guest joined", "A guest is now ben"]);
    expect([guest.ended?.status, hereOf(ann), hereOf(ben)]).toEqual(["OK", ["ann", "ben"], ["ann", "ben"]]);
    // To a name that is here already.
    const tab = await rig.watch({ userId: "guest" });
    await rig.join("ben", { metadata: { instead_of: streamOf(tab) } });
    expect(comings(ann).slice(3)).toEqual(["guest joined", "guest is now ben"]);
    await rig.restart();
    expect((await membersOf(rig)).map(([name]) => name).sort()).toEqual(["ann", "ben"]);
    expect(ben.ended).toBeDefined();
  });

  test("of a name that others have, too, or that nobody knows of, joins like anybody", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const [one, other] = [await rig.watch({ userId: "guest" }), await rig.watch({ userId: "guest" })];
    await rig.watch({ userId: "ben", insteadOf: streamOf(one) });
    expect([comings(ann).slice(1), one.ended?.status]).toEqual([["guest joined", "ben joined"], "OK"]);
    await rig.watch({ userId: "carl", insteadOf: "none" });
    await rig.watch({ userId: "dora", sessionId: "elsewhere", insteadOf: streamOf(other) });
    expect([comings(ann).slice(3), other.ended]).toEqual([["carl joined"], undefined]);
    // Its own name: another stream of it.
    await rig.watch({ userId: "guest", insteadOf: streamOf(other) });
    expect(hereOf(ann)).toEqual(["ann", "ben", "carl", "guest"]);
  });

  test("whose new name could not be kept is told of it once the journal can be written", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const guests = [await rig.watch({ userId: "guest-1" }), await rig.watch({ userId: "guest-2" })];
    rig.journal.isFailing = true;
    await rig.watch({ userId: "ben", insteadOf: streamOf(guests[0]) });
    await rig.watch({ userId: "carl", insteadOf: streamOf(guests[1]) });
    await rig.advance(3_000, 1_000);
    expect(comings(ann).slice(3)).toEqual([]);
    rig.journal.isFailing = false;
    await rig.advance(3_000, 1_000);
    expect(comings(ann).slice(3)).toEqual(["guest-1 is now ben", "guest-2 is now carl"]);
    expect(hereOf(ann)).toEqual(["ann", "ben", "carl"]);
    expect(hereOf(await rig.watch({ userId: "ann" }))).toEqual(["ann", "ben", "carl"]);
  });

  test("who was here when the server ended is waited for when it is back", async () => {
    await using rig = await Rig.open();
    for (const end of ["restart", "crash"] as const) {
      const sessionId = end;
      await rig.join("ann", { sessionId, metadata: { user_name: "Ann" } });
      await rig.join("ben", { sessionId });
      const cid = await rig.join("cid", { sessionId });
      await cid.end();
      await rig[end](3_600_000);
      const names = async () => (await membersOf(rig, sessionId)).map(([name]) => name);
      expect(await names()).toEqual(["ann", "ben"]);
      const watcher = await rig.watch({ userId: "ann", sessionId });
      await rig.advance(14_000, 1_000);
      expect(watcher.kept.at(-1)!.message).toBe("cid left");
      await rig.advance(2_000, 1_000);
      expect(watcher.kept.at(-1)!.message).toBe("ben left");
      expect(await names()).toEqual(["ann"]);
    }
  });

  test("whose leaving was not kept is said to have left after a restart, also where a joining was", async () => {
    await using rig = await Rig.open({ stepped: true, messagesPerSecond: 10_000 });
    rig.journal.isStepped = false;
    const ann = await rig.join("ann");
    await rig.join("watcher");
    rig.journal.isStepped = true;
    const post = (text: string) =>
      rig.collaboration.rooms.post("lobby", { type: "chat", userId: "bot", userName: "", text, metadata: {} });
    const joining = rig.join("cid");
    await settle();
    await rig.journal.stepRead();
    await joining;
    // What comes while that is told is announced together, of two commits: one holds 200 messages.
    for (let i = 0; i < 399; i++) post(`m${i}`).catch(() => {});
    await ann.end();
    await rig.join("ben");
    for (let i = 0; i < 3; i++) {
      await rig.journal.stepCommit();
      await settle();
    }
    const told = () => rig.kept.entries.filter(({ payload }) => /joined|left/.test(payload)).length;
    expect([told(), rig.journal.commits]).toEqual([4, 1]);
    await rig.crash();
    rig.journal.isStepped = false;
    const watcher = await rig.join("watcher");
    await rig.join("ben");
    await rig.advance(17_000, 1_000);
    expect(hereOf(watcher)).toEqual(["ben", "watcher"]);
    expect(watcher.kept.at(-1)!.message).toBe("ann and cid left");
  });

  test("whose leaving was kept is not waited for, and nobody is where nobody was", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    await ann.end();
    expect(rig.kept.count(SESSION_MEMBERS)).toBe(0);
    await rig.crash();
    expect(await membersOf(rig)).toEqual([]);
  });

  test("is told of once the journal can be written, where it could not", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    rig.journal.isFailing = true;
    const ben = await rig.join("ben");
    const cid = await rig.join("cid");
    await rig.advance(3_000, 1_000);
    await cid.end();
    expect(ben.got.at(-1)!.metadata["event"]).toBe("snapshot_end");
    rig.journal.isFailing = false;
    await rig.advance(2_000, 1_000);
    expect(comings(ann)).toEqual(["ann joined", "ben joined"]);
    rig.journal.isFailing = true;
    await ben.end();
    await rig.advance(2_000, 1_000);
    await rig.join("ben");
    rig.journal.isFailing = false;
    await rig.advance(2_000, 1_000);
    expect([comings(ann), hereOf(ann)]).toEqual([
      ["ann joined", "ben joined"],
      ["ann", "ben"],
    ]);
  });

  test("comes and goes in a session that is closed without a word, and is waited for as well", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "s" });
    await rig.ask(M.closeSession, { sessionId: "s", userId: "ann" });
    const ben = await rig.join("ben", { sessionId: "s" });
    expect(ann.kept.map(({ message }) => message)).toEqual(["ann joined", "the session was closed by ann"]);
    expect(ben.ended).toBeUndefined();
    await rig.crash();
    expect((await membersOf(rig, "s")).map(([name]) => name)).toEqual(["ann", "ben"]);
    await rig.advance(17_000, 1_000);
    expect(await membersOf(rig, "s")).toEqual([]);
    expect(rig.kept.count(SESSION_MEMBERS)).toBe(0);
    expect((await rig.ask(M.getSession, { sessionId: "s" })).session).toMatchObject({
      state: SessionState.CLOSED,
      messages: 2n,
    });
  });
});

describe("a crowd", () => {
  const crowd = (count: number) => Array.from({ length: count }, (_, i) => `user-${i}`);

  test("that joins at once is announced together", async () => {
    await using rig = await Rig.open();
    const first = await rig.join("first");
    for (const name of crowd(1_000)) {
      const member = rig.openStream();
      // To take apart what each of them is told would take the most of the time.
      member.pause();
      member.send({ userId: name });
    }
    await settle();
    await rig.advance(2_000, 1_000);
    expect(hereOf(first)).toHaveLength(1_001);
    expect(comings(first).length).toBeLessThan(30);
    expect(comings(first).at(-1)).toMatch(/^user-\d+, user-\d+ and \d+ others joined$/);
    expect(await membersOf(rig)).toHaveLength(1_001);
  });

  test("of which some leave and come back between two announcements is told of as it is in the end", async () => {
    await using rig = await Rig.open();
    const members = await Promise.all(crowd(30).map((name) => rig.join(name)));
    await rig.advance(1_000);
    const watcher = await rig.watch({ userId: "user-0" });
    const [, one, two, three] = members;
    await one.end();
    await two.end();
    await three.end();
    const back = await rig.join("user-2");
    await rig.join("user-3");
    await back.end();
    const brief = await rig.join("brief");
    await brief.end();
    await rig.advance(2_000, 1_000);
    expect(watcher.kept.at(-1)!.message).toBe("user-1 and user-2 left");
    const { session } = await rig.ask(M.getSession, { sessionId: "lobby" });
    expect(hereOf(watcher)).toEqual(session!.members.map(({ userId }) => userId).sort());
    expect(hereOf(watcher)).toContain("user-3");
  });

  test("is told of rightly whatever comes while an announcement is being kept or fails", async () => {
    await using rig = await Rig.open({ stepped: true });
    rig.journal.isStepped = false;
    const watcher = await rig.join("watcher");
    rig.journal.isStepped = true;
    const settled = async () => {
      for (let i = 0; i < 5; i++) {
        await settle();
        await rig.journal.stepAll();
      }
    };
    const ann = await rig.join("ann");
    // Its announcement is on its way to the disk.
    await ann.end();
    rig.journal.isFailing = true;
    await settled();
    rig.journal.isFailing = false;
    await rig.advance(1_000);
    await settled();
    expect(hereOf(watcher)).toEqual(["watcher"]);
    const ben = await rig.join("ben");
    // Who came and went while that is kept was never here.
    const brief = await rig.join("brief");
    await brief.end();
    await settled();
    const written = await rig.kept.document(SESSION_MEMBERS, "lobby");
    expect(JSON.parse(written!.value)).toMatchObject([{ userId: "watcher" }, { userId: "ben" }]);
    await ben.end();
    await rig.join("ben");
    rig.journal.isFailing = true;
    await settled();
    rig.journal.isFailing = false;
    await rig.advance(1_000);
    await settled();
    await rig.advance(1_000);
    await settled();
    expect(hereOf(watcher)).toEqual(["ben", "watcher"]);
  });
});
