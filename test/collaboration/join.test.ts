/** JoinSession and WatchSession: who gets what, in which order, and where somebody who comes back goes on. */
import { ANONYMOUS } from "../../src/wire/service.ts";
import { describe, expect, test } from "bun:test";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Rig, settle, type Member } from "./rig.ts";

const numbersOf = (member: Member) => member.kept.map(({ number }) => Number(number));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A session of `count` messages, the first of which says that "old" has joined. */
async function filled(rig: Rig, count: number, text = "m"): Promise<Member> {
  const old = await rig.join("old", { sessionId: "s" });
  for (let n = 2; n <= count; n++) {
    old.say(`${text}${n}`);
    await settle();
    await rig.advance(100);
  }
  return old;
}

describe("joining", () => {
  test("gives how the session stands, a mark, then everything as it happens, in one order", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "pump-7", metadata: { user_name: "Ann" } });
    ann.say("it rattles");
    await settle();
    const ben = await rig.join("ben", { sessionId: "pump-7" });
    const shown = ben.got.map(({ number, messageType, message, metadata }) => [
      Number(number),
      messageType,
      message,
      metadata["event"] ?? "",
    ]);
    expect(shown).toEqual([
      [0, "system", "Ann is here", "snapshot"],
      [1, "system", "Ann joined", "joined"],
      [2, "chat", "it rattles", ""],
      [0, "system", "", "snapshot_end"],
      [3, "system", "ben joined", "joined"],
    ]);
    const membersOf = (at: number) =>
      ben.got[at].members.map(({ userId, userName, streams }) => [userId, userName, streams]);
    // The mark tells who it is for: of that one, as of all who come later, a message comes.
    expect([membersOf(0), membersOf(3), membersOf(4)]).toEqual([
      [["ann", "Ann", 1]],
      [["ben", "", 1]],
      [["ben", "", 1]],
    ]);
    // Nobody goes on from the middle of a snapshot.
    expect(ben.got.map(({ cursor }) => cursor !== "")).toEqual([false, false, false, true, true]);
    ben.say("I hear it");
    await settle();
    expect(ann.said).toEqual(["ben: I hear it"]);
    expect(ben.said).toEqual(["ann: it rattles"]);
    expect(numbersOf(ann)).toEqual([1, 3, 4]);
  });

  test("who leaves a stream of WatchSession has left at once; nobody ends the stream of another one", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "s" });
    const ben = await rig.watch({ sessionId: "s", userId: "ben" });
    const streamId = ben.got.at(-2)!.metadata["stream_id"]!;
    const leave = (userId: string, id = streamId) =>
      rig.ask(Collaboration.method.leaveSession, { sessionId: "s", userId, streamId: id });
    const refused = await Promise.allSettled([leave("ann"), leave("ben", "id-none"), leave("ben", "")]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(ben.ended).toBeUndefined();
    await leave("ben");
    await settle();
    expect(ben.ended?.status).toBe("OK");
    expect(ann.got.at(-1)!.message).toBe("ben left");
    await expect(leave("ben")).rejects.toThrow('"ben" has no stream');
  });

  test("finds its session in the message, its metadata or the headers, else the lobby", async () => {
    await using rig = await Rig.open();
    const headers = { "session-id": "of-headers" };
    const metadata = { session_id: "of-metadata" };
    const sessionOf = async (first: object, caller = {}) => (await rig.join("ann", first, caller)).got[0].sessionId;
    expect(await sessionOf({ sessionId: "of-message", metadata }, { headers })).toBe("of-message");
    expect(await sessionOf({ metadata }, { headers })).toBe("of-metadata");
    expect(await sessionOf({}, { headers })).toBe("of-headers");
    expect(await sessionOf({})).toBe("lobby");
    expect((await rig.watch({ userId: "ben" })).got[0].sessionId).toBe("lobby");
  });

  test("without who joins, or before any message, is refused", async () => {
    await using rig = await Rig.open();
    for (const userId of ["", " \n"]) {
      const refused = { status: "INVALID_ARGUMENT", message: `user_id is ${JSON.stringify(userId)}; wanted who joins` };
      expect((await rig.join(userId)).ended).toEqual(refused);
      expect((await rig.watch({ userId })).ended).toEqual(refused);
    }
    const nothing = rig.openStream();
    await nothing.end();
    expect(nothing.ended).toMatchObject({
      status: "INVALID_ARGUMENT",
      message: expect.stringContaining("wanted a first message with user_id"),
    });
    const garbage = rig.openStream();
    garbage.sendBytes(new Uint8Array([0x0a, 0xff]));
    await settle();
    expect(garbage.ended).toMatchObject({ status: "INVALID_ARGUMENT" });
    expect(rig.collaboration.rooms.streams).toBe(0);
  });

  test("a proven principal is who joins, whatever it claims to be called", async () => {
    await using rig = await Rig.open();
    const caller = { principal: { ...ANONYMOUS, name: "ann@plant", isAuthenticated: true } };
    const ann = await rig.join("boss", {}, caller);
    const [joined] = ann.kept;
    expect([joined.userId, joined.userName, joined.message]).toEqual(["ann@plant", "", "ann@plant joined"]);
    const ben = await rig.join("ben");
    ann.send({ userId: "ben", userName: "ben", messageType: "chat", message: "hello" });
    await settle();
    expect(ben.said).toEqual(["ann@plant: hello"]);
    const { message } = await rig.send({ userId: "ben", userName: "ben", message: "again" }, caller);
    expect([message!.userId, message!.userName]).toEqual(["ann@plant", ""]);
    const tab = await rig.join("carl", { userName: "Carl" }, caller);
    expect((await rig.ask(Collaboration.method.getSession, { sessionId: "lobby" })).session!.members).toMatchObject([
      { userId: "ann@plant", userName: "", streams: 2 },
      { userId: "ben", streams: 1 },
    ]);
    expect(tab.got[0].message).toBe("2 are here: ann@plant, ben");
  });

  test("a first message that says something joins and is said", async () => {
    await using rig = await Rig.open();
    const watcher = await rig.watch({ userId: "w" });
    await rig.join("ann", { messageType: "chat", message: "typed" });
    await rig.join("ben", { message: "of no type" });
    await rig.join("cid", { messageType: "join", message: "only joins" });
    const dan = await rig.join("dan", { messageType: "dance", message: "?" });
    expect(watcher.said).toEqual(["ann: typed", "ben: of no type"]);
    expect([dan.ended, dan.refusals.length]).toEqual([undefined, 1]);
  });

  test("over the limit of streams is told to come again; one that leaves makes room", async () => {
    await using rig = await Rig.open({ streamsMax: 2 });
    const ann = await rig.join("ann", { sessionId: "a" });
    await rig.watch({ userId: "ben", sessionId: "b" });
    expect((await rig.join("cid")).ended).toEqual({
      status: "RESOURCE_EXHAUSTED",
      message: "2 streams are in sessions; at most 2 may be",
    });
    ann.drop();
    await settle();
    expect((await rig.join("cid")).ended).toBeUndefined();
  });

  test("a stream that has not said which session it joins counts, and ends when it does not say so in time", async () => {
    await using rig = await Rig.open({ streamsMax: 2 });
    const silent = [rig.openStream(), rig.openStream()];
    await settle();
    const full = { status: "RESOURCE_EXHAUSTED", message: "2 streams are in sessions; at most 2 may be" };
    expect((await rig.join("ann")).ended).toEqual(full);
    expect((await rig.watch({ userId: "ann" })).ended).toEqual(full);
    await rig.advance(9_999);
    silent[0].send({ userId: "ben" });
    await settle();
    await rig.advance(1);
    expect(silent.map(({ ended }) => ended?.status)).toEqual([undefined, "DEADLINE_EXCEEDED"]);
    expect((await rig.join("ann")).ended).toBeUndefined();
    expect((await rig.join("cid")).ended).toEqual(full);
  });

  test("one that leaves before it has said anything makes room at once", async () => {
    await using rig = await Rig.open({ streamsMax: 1 });
    const silent = rig.openStream();
    await settle();
    silent.drop();
    await settle();
    expect((await rig.join("ann")).ended).toBeUndefined();
    const late = await rig.join("", {});
    expect(late.ended?.status).toBe("RESOURCE_EXHAUSTED");
  });
});

describe("the snapshot", () => {
  test("has the last messages, as many as were asked for, from memory and from further back", async () => {
    await using rig = await Rig.open();
    await filled(rig, 250);
    // One more each time: it says who joined.
    let count = 250;
    const lastOf = async (last?: number) => {
      const member = await rig.watch({ userId: "old", sessionId: "s", ...(last === undefined ? {} : { last }) });
      const end = member.got.findIndex(({ metadata }) => metadata["event"] === "snapshot_end");
      expect(member.got.slice(end + 1)).toEqual([]);
      return member.got.slice(1, end).map(({ number }) => Number(number));
    };
    for (const last of [0, 1, 99, 100, 101, 249, 250, 251, 1_000]) {
      expect(await lastOf(last)).toEqual(range(Math.max(1, count - last + 1), count));
    }
    expect(await lastOf()).toEqual(range(count - 49, count));
    const joined = await rig.join("old", { sessionId: "s", metadata: { last: "7" } });
    expect(numbersOf(joined)).toEqual(range(count - 6, count));
  });

  test("of more than may be asked for is refused by name", async () => {
    await using rig = await Rig.open();
    for (const last of [-1, 1_001]) {
      expect((await rig.watch({ userId: "ann", last })).ended).toEqual({
        status: "INVALID_ARGUMENT",
        message: `last is ${last}; wanted 0 to 1000`,
      });
    }
    for (const last of ["-1", "1001", "all", "10000"]) {
      const { ended } = await rig.join("ann", { metadata: { last } });
      expect(ended).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining("wanted 0 to 1000") });
    }
  });

  test("goes on without a gap or a repeat into what is said while it is read", async () => {
    await using rig = await Rig.open();
    const old = await filled(rig, 150);
    const ben = await rig.watch({ userId: "old", sessionId: "s", last: 150 });
    const slow = rig.watch({ userId: "old", sessionId: "s", last: 150 });
    for (const text of ["x", "y", "z"]) old.say(text);
    const member = await slow;
    member.pause();
    old.say("paused");
    await settle();
    member.resume();
    await settle();
    expect(numbersOf(member)).toEqual(range(1, 154));
    expect(numbersOf(ben)).toEqual(range(1, 154));
  });
});

describe("a cursor", () => {
  test("of any message misses nothing and repeats nothing, however far back it is", async () => {
    await using rig = await Rig.open();
    const all = await rig.watch({ userId: "all", sessionId: "s" });
    await filled(rig, 450);
    await settle();
    const { kept } = all;
    expect(numbersOf(all)).toEqual(range(1, 451));
    for (const at of [0, 1, 99, 100, 199, 200, 249, 349, 350, 351, 400, 449, 450]) {
      const back = await rig.watch({ userId: "all", sessionId: "s", cursor: kept[at].cursor });
      expect({ at, numbers: numbersOf(back) }).toEqual({ at, numbers: range(at + 2, 451) });
      expect(back.kept).toEqual(kept.slice(at + 1));
      expect(back.events.filter((event) => event !== "joined")).toEqual(["resumed"]);
      expect(back.cursor).toBe(kept[450].cursor);
    }
  });

  test("of the mark that ended the snapshot, of a confirmation and of a resumption work as well", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const mark = ben.got.find(({ metadata }) => metadata["event"] === "snapshot_end")!;
    ben.say("mine", "id-1");
    await settle();
    const confirmed = ben.got.at(-1)!;
    expect(confirmed.metadata).toEqual({ event: "confirmed", client_message_id: "id-1", number: "3" });
    // When the others see it was said.
    expect(confirmed.timestamp).toEqual(ann.got.at(-1)!.timestamp);
    expect(confirmed.message).toBe("");
    ann.say("yours");
    await settle();
    const from = async (cursor: string) => {
      const back = await rig.join("ben", { metadata: { cursor } });
      return back.kept.map(({ message }) => message);
    };
    expect(await from(mark.cursor)).toEqual(["ben joined", "mine", "yours"]);
    expect(await from(confirmed.cursor)).toEqual(["yours"]);
    const resumed = await rig.join("ben", { metadata: { cursor: confirmed.cursor } });
    expect(await from(resumed.got.at(-1)!.cursor)).toEqual([]);
  });

  test("goes on over a restart, into what is said meanwhile", async () => {
    await using rig = await Rig.open();
    const before = await filled(rig, 30);
    const ann = await rig.join("ann", { sessionId: "s" });
    const { cursor } = ann;
    before.say("last words");
    await settle();
    await rig.crash(1_000);
    const back = await rig.join("ann", { sessionId: "s", metadata: { cursor } });
    const old = await rig.join("old", { sessionId: "s" });
    old.say("again here");
    await settle();
    expect(back.said).toEqual(["old: last words", "old: again here"]);
    expect(numbersOf(back)).toEqual([32, 33]);
  });

  test("that cannot be gone on from is refused before anybody is told of a join", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    for (const [cursor, status] of [
      ["rubbish", "INVALID_ARGUMENT"],
      ["cursor-99", "OUT_OF_RANGE"],
    ] as const) {
      expect((await rig.join("ben", { metadata: { cursor } })).ended).toMatchObject({ status });
      expect((await rig.watch({ userId: "ben", cursor })).ended).toMatchObject({ status });
    }
    rig.kept.firstPosition = 3;
    expect((await rig.watch({ userId: "ben", cursor: ann.cursor })).ended).toMatchObject({ status: "OUT_OF_RANGE" });
    expect(ann.kept).toHaveLength(1);
  });

  test("whose rest goes by its age while it is read ends the stream, for nobody knows what is missing", async () => {
    await using rig = await Rig.open({ stepped: true });
    rig.journal.isStepped = false;
    const old = await filled(rig, 400);
    rig.journal.isStepped = true;
    const opening = rig.watch({ userId: "old", sessionId: "s", cursor: old.kept[0].cursor });
    const back = await opening;
    rig.kept.firstPosition = 200;
    await rig.journal.stepRead();
    await settle();
    expect(back.ended).toMatchObject({ status: "OUT_OF_RANGE" });
    expect(back.kept).toEqual([]);
  });
});

describe("leaving", () => {
  test("a half-closed stream gets everything that was numbered before, then OK", async () => {
    await using rig = await Rig.open({ stepped: true });
    rig.journal.isStepped = false;
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    rig.journal.isStepped = true;
    ann.say("one", "1");
    ann.say("two", "2");
    ben.say("three");
    await ann.end();
    // What it had sent is carried out first.
    expect(ann.ended).toBeUndefined();
    for (let i = 0; i < 10; i++) {
      await settle();
      await rig.journal.stepAll();
    }
    await rig.advance(20);
    expect(ann.ended).toEqual({ status: "OK", message: "" });
    expect(ann.said).toEqual(["ben: three"]);
    expect(ann.events.slice(-2)).toEqual(["confirmed", "confirmed"]);
    expect(ben.said).toEqual(["ann: one", "ann: two"]);
  });

  test("what a stream of which the connection is lost had sent before is kept", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    ben.say("goodbye");
    ben.drop();
    await settle();
    expect(ann.said).toEqual(["ben: goodbye"]);
    expect(rig.collaboration.rooms.streams).toBe(1);
  });
});

describe("a reader that falls behind", () => {
  test("is disconnected, slows nobody, is no member for ever, and goes on from its cursor", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 10_000 });
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const slow = await rig.join("slow");
    const { cursor } = slow;
    slow.pause();
    for (let i = 1; i <= 2_100; i++) {
      ann.say(`m${i}`);
      if (i % 100 === 0) await settle();
    }
    await settle();
    expect(ben.said).toHaveLength(2_100);
    expect((await rig.metrics.sessionBehind.get()).values[0].value).toBe(1);
    // Its connection may never tell: nothing of it is read.
    expect(slow.ended).toBeUndefined();
    expect(rig.collaboration.rooms.streams).toBe(2);
    await rig.advance(16_000, 1_000);
    expect(ben.kept.at(-1)!.message).toBe("slow left");
    slow.resume();
    await settle();
    expect(slow.ended).toMatchObject({
      status: "UNAVAILABLE",
      message: expect.stringContaining("join again with its last cursor"),
    });
    const back = await rig.join("slow", { metadata: { cursor } });
    expect(back.said).toEqual(ben.said);
  });

  test("loses what passes by, and nothing that is kept", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 10_000 });
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    ben.pause();
    for (let i = 0; i < 300; i++) ann.send({ messageType: "typing" });
    await settle();
    for (let i = 0; i < 10; i++) ann.say(`m${i}`);
    await settle();
    ben.resume();
    await settle();
    const typing = ben.got.filter(({ messageType }) => messageType === "typing").length;
    expect(typing).toBeGreaterThan(90);
    expect(typing).toBeLessThan(110);
    expect(ben.said).toHaveLength(10);
  });
});

describe("what passes by", () => {
  test("is told to the others, not numbered, not kept, and where somebody looks is in the next snapshot", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const entries = rig.kept.entries.length;
    ben.send({ messageType: "cursor", metadata: { chart: "temp", from: "1", to: "2" } });
    ben.send({ messageType: "typing" });
    await settle();
    const [looking, typing] = ann.got.slice(-2);
    expect([looking.userId, looking.messageType, looking.metadata]).toEqual([
      "ben",
      "cursor",
      { chart: "temp", from: "1", to: "2" },
    ]);
    expect([typing.userId, typing.messageType, typing.number]).toEqual(["ben", "typing", 0n]);
    expect(ben.got.some(({ messageType }) => messageType === "typing" || messageType === "cursor")).toBe(false);
    const cid = await rig.join("cid");
    expect(cid.got[0].members.map(({ userId, lookingAt }) => [userId, lookingAt])).toEqual([
      ["ann", {}],
      ["ben", { chart: "temp", from: "1", to: "2" }],
    ]);
    // But for who joined.
    expect(rig.kept.entries).toHaveLength(entries + 1);
  });
});

describe("heartbeats", () => {
  const heartbeats = (member: Member) => member.got.filter(({ messageType }) => messageType === "heartbeat").length;

  test("come after 30 s of silence, and only then", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    await rig.advance(29_000, 1_000);
    expect(heartbeats(ann)).toBe(0);
    await rig.advance(2_000, 1_000);
    expect(heartbeats(ann)).toBe(1);
    await rig.advance(20_000, 1_000);
    await rig.send({ userId: "ben", message: "hi" });
    await rig.advance(29_000, 1_000);
    expect(heartbeats(ann)).toBe(1);
    await rig.advance(32_000, 1_000);
    expect(heartbeats(ann)).toBe(3);
  });

  test("of clients are told to nobody", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const count = ann.got.length;
    for (let i = 0; i < 1_000; i++) ben.send({ messageType: "heartbeat" });
    await settle();
    expect(ann.got).toHaveLength(count);
    // Nor do they count as messages.
    ben.say("hi");
    await settle();
    expect(ben.refusals).toEqual([]);
  });

  test("are demanded of clients that have sent one, and of nobody else", async () => {
    await using rig = await Rig.open();
    const quiet = await rig.join("quiet");
    const watcher = await rig.watch({ userId: "watcher" });
    const beating = await rig.join("beating");
    const talking = await rig.join("talking");
    for (const member of [beating, talking]) member.send({ messageType: "heartbeat" });
    await settle();
    for (let i = 0; i < 5; i++) {
      await rig.advance(60_000, 1_000);
      beating.send({ messageType: "heartbeat" });
      talking.say("anything is a sign of life");
      await settle();
    }
    expect([quiet, watcher, beating, talking].filter(({ ended }) => ended)).toEqual([]);
    await rig.advance(91_000, 1_000);
    expect([quiet, watcher].map(({ ended }) => ended)).toEqual([undefined, undefined]);
    for (const member of [beating, talking]) {
      expect(member.ended).toEqual({
        status: "UNAVAILABLE",
        message: "nothing was heard of this stream for 90 s, though it had sent a heartbeat",
      });
    }
    await rig.advance(16_000, 1_000);
    expect(quiet.events.filter((event) => event === "left")).toHaveLength(1);
    expect(quiet.kept.at(-1)!.message).toBe("beating and talking left");
  });
});

describe("coming back from far back", () => {
  const FAR = 1_500;

  async function longSession(rig: Rig): Promise<string> {
    const ann = await rig.join("ann");
    const { cursor } = ann;
    for (let i = 0; i < FAR; i++) ann.say(String(i));
    await settle();
    await ann.end();
    return cursor;
  }

  test("and half-closing at once misses nothing", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 10_000 });
    const cursor = await longSession(rig);
    const ben = rig.openStream();
    ben.pause();
    ben.send({ userId: "ben", metadata: { cursor } });
    await settle();
    await ben.end();
    ben.resume();
    await settle();
    expect(ben.ended).toEqual({ status: "OK", message: "" });
    expect(ben.said).toEqual(Array.from({ length: FAR }, (_, i) => `ann: ${i}`));
  });

  test("and falling behind on the way ends without a cursor behind what is missing", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 10_000 });
    const cursor = await longSession(rig);
    const ben = rig.openStream();
    ben.pause();
    ben.send({ userId: "ben", metadata: { cursor } });
    await settle();
    const cid = await rig.join("cid");
    for (let i = 0; i < 2_100; i++) cid.say(`late ${i}`);
    await settle();
    ben.resume();
    await settle();
    expect(ben.ended).toMatchObject({ status: "UNAVAILABLE" });
    const read = ben.said.length;
    expect(ben.said).toEqual(Array.from({ length: read }, (_, i) => `ann: ${i}`));
    const back = await rig.join("ben", { metadata: { cursor: ben.cursor } });
    expect(back.said[0]).toBe(read < FAR ? `ann: ${read}` : "cid: late 0");
  });
});
