/** Members over a server that cuts streams, loses confirmations and forgets cursors: nothing is missed, nothing repeated. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Connection } from "../../src/client/connection.ts";
import { joinSession, type JoinOptions, type SessionMember } from "../../src/client/join-session.ts";
import { SessionMembers } from "../../src/client/session-members.ts";
import type { SessionNews } from "../../src/client/session-news.ts";
import { UNCONFIRMED_MAX } from "../../src/client/unconfirmed-messages.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { randomOf } from "../support/random.ts";
import { startFakeRoom, type FakeRoom } from "./fake-room.ts";

const PATIENCE_MS = 60_000;

interface Joined extends AsyncDisposable {
  readonly member: SessionMember;
  readonly news: SessionNews[];
  /** What its reader ended with; undefined: it ended in order. */
  readonly ended: Promise<unknown>;
  until(isWanted: (news: readonly SessionNews[]) => boolean): Promise<void>;
}

function join({ address }: FakeRoom, userId: string, options: Partial<JoinOptions> = {}): Joined {
  const connection = new Connection(address, { clock: hurried, random: () => 0 });
  const stop = new AbortController();
  const member = joinSession(connection, { sessionId: "room", userId, signal: stop.signal, ...options });
  const news: SessionNews[] = [];
  let wake = () => {};
  const reading = async () => {
    for await (const each of member) {
      news.push(each);
      wake();
    }
  };
  const ended = reading().catch((error: unknown) => error);
  return {
    member,
    news,
    ended,
    async until(isWanted) {
      const deadlineMs = performance.now() + PATIENCE_MS;
      while (!isWanted(news)) {
        if (performance.now() > deadlineMs)
          throw new Error(`waited in vain: ${news.map(({ kind }) => kind).join(" ")}`);
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), Bun.sleep(50)]);
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      connection.close();
    },
  };
}

/** No test waits until it is time to try again. */
const hurried = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after(_: number, run: () => void) {
    const timer = setTimeout(run, 1);
    return () => clearTimeout(timer);
  },
};

const heard =
  (kind: SessionNews["kind"], count = 1) =>
  (news: readonly SessionNews[]) =>
    news.filter((each) => each.kind === kind).length >= count;
/** Numbers and texts of what it knows of the session: of the last snapshot, and after it. */
function known(news: readonly SessionNews[]): string[] {
  const at = news.findLastIndex(({ kind }) => kind === "snapshot");
  const after = news.slice(at + 1).flatMap((each) => (each.kind === "message" ? [each.message] : []));
  const snapshot = news[at] as Extract<SessionNews, { kind: "snapshot" }>;
  return [...snapshot.messages, ...after].map(({ number, userId, message }) => `${number} ${userId} ${message}`);
}
const keptIn = ({ kept }: FakeRoom) => kept.map(({ number, userId, message }) => `${number} ${userId} ${message}`);
const chats = (lines: readonly string[]) => lines.filter((line) => !line.endsWith(" "));

test("a snapshot, then what is said; one's own messages come when they are kept", async () => {
  await using room = await startFakeRoom();
  for (const text of ["a", "b", "c"]) room.say("eve", text);
  await using ann = join(room, "ann", { last: 2, userName: "Ann" });
  await ann.until(heard("snapshot"));
  expect(room.joins[0]).toMatchObject({ sessionId: "room", userId: "ann", messageType: "system" });
  expect(room.joins[0].metadata).toEqual({ user_name: "Ann", last: "2" });
  const members = new SessionMembers();
  await using bob = join(room, "bob");
  await bob.until(heard("snapshot"));
  const kept = await ann.member.send({ messageType: "chat", message: "from ann", metadata: { more: "x" } });
  expect(kept).toMatchObject({ number: 6n, userId: "ann", sessionId: "room", cursor: "1:6", message: "from ann" });
  expect(kept.metadata).toEqual({ more: "x", client_message_id: expect.any(String) });
  await bob.member.send({ message: "from bob" });
  await ann.until(heard("message", 3));
  await bob.until(heard("message", 2));
  expect(known(ann.news)).toEqual(["2 eve b", "3 eve c", "5 bob ", "6 ann from ann", "7 bob from bob"]);
  expect(chats(known(bob.news))).toEqual(chats(keptIn(room)));
  for (const each of ann.news) members.take(each);
  expect(members.all.map(({ userId }) => userId)).toEqual(["ann", "bob"]);
  const renamed = { messageType: "system", metadata: { event: "renamed", was: "ann" }, members: [{ userId: "carl" }] };
  members.take({ kind: "message", message: create(CollaborationMessageSchema, renamed) });
  expect(members.all.map(({ userId }) => userId)).toEqual(["bob", "carl"]);
});

test("messages whose confirmation was lost are sent again, and kept once, in their order", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  await ann.until(heard("snapshot"));
  room.loseConfirmation(3);
  const texts = Array.from({ length: 10 }, (_, i) => `m${i}`);
  const kept = await Promise.all(texts.map((message) => ann.member.send({ message })));
  await ann.until(heard("resumed"));
  expect(chats(keptIn(room)).map((line) => line.split(" ")[2])).toEqual(texts);
  expect(kept.map(({ number }) => number)).toEqual([2n, 3n, 4n, ...kept.slice(3).map(({ number }) => number)]);
  expect(new Set(kept.map(({ number }) => number)).size).toBe(10);
  expect(chats(known(ann.news))).toEqual(chats(keptIn(room)));
  expect(ann.member.unconfirmed).toBe(0);
});

test("a cursor that the server no longer knows brings a new snapshot, and what was not confirmed is still sent", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  await ann.until(heard("snapshot"));
  room.loseConfirmation(1);
  room.forgetCursors();
  const kept = await ann.member.send({ message: "once" });
  await ann.until(heard("snapshot", 2));
  expect(kept.number).toBe(2n);
  expect(chats(keptIn(room))).toEqual(["2 ann once"]);
  expect(chats(known(ann.news))).toEqual(["2 ann once"]);
  expect(room.joins.map(({ metadata }) => metadata["cursor"] ?? "")).toEqual(["", "1:0", ""]);
});

test("what the server refuses costs only itself", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  const refused = ann.member.send({ message: "refuse me" }).catch((error: unknown) => error);
  const kept = await ann.member.send({ message: "fine" });
  expect(await refused).toMatchObject({ status: "INVALID_ARGUMENT", message: "no" });
  expect(kept.message).toBe("fine");
});

test("what the server wants later is sent later, and not overtaken", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann", { clock: hurried });
  const [first, second] = await Promise.all([
    ann.member.send({ message: "too fast" }),
    ann.member.send({ message: "x" }),
  ]);
  expect(chats(keptIn(room))).toEqual([`${first.number} ann too fast`, `${second.number} ann x`]);
});

test("leaving waits until everything is confirmed, also over a lost connection, and for what was numbered before", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  await ann.until(heard("snapshot"));
  room.loseConfirmation(2);
  const sent = ["a", "b", "c"].map((message) => ann.member.send({ message }));
  const left = ann.member.leave();
  expect(await ann.member.send({ message: "late" }).catch((error: unknown) => error)).toMatchObject({
    status: "FAILED_PRECONDITION",
  });
  await left;
  expect(await ann.ended).toBeUndefined();
  expect((await Promise.all(sent)).map(({ message }) => message)).toEqual(["a", "b", "c"]);
  expect(chats(known(ann.news))).toEqual(chats(keptIn(room)));
});

test("leaving a server that does not answer ends when it is told to; what was not confirmed fails", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  await ann.until(heard("snapshot"));
  await room[Symbol.asyncDispose]();
  await ann.until(heard("lost"));
  const sent = ann.member.send({ message: "lost" }).catch((error: unknown) => error);
  const limit = new AbortController();
  const left = ann.member.leave({ signal: limit.signal });
  limit.abort();
  await left;
  expect(await sent).toMatchObject({ status: "CANCELLED" });
  expect(await ann.ended).toBeUndefined();
});

test("what cannot be retried ends it, for its reader and for whoever sends", async () => {
  await using room = await startFakeRoom();
  await using ann = join(room, "ann");
  await ann.until(heard("snapshot"));
  room.cut(new WatchpostError("PERMISSION_DENIED", "not here"));
  expect(await ann.ended).toMatchObject({ status: "PERMISSION_DENIED", message: "not here" });
  expect(await ann.member.send({ message: "x" }).catch((error: unknown) => error)).toMatchObject({
    status: "PERMISSION_DENIED",
  });
  await ann.member.leave();
});

test("a bound on what waits to be confirmed; typing is told at once or not at all; a heartbeat every 30 s", async () => {
  await using room = await startFakeRoom();
  const clock = new ManualClock();
  await using ann = join(room, "ann", { clock });
  ann.member.tell("typing");
  const sent = Array.from({ length: UNCONFIRMED_MAX }, (_, i) => ann.member.send({ message: `m${i}` }));
  const tooMany = ann.member.send({ message: "one more" }).catch((error: unknown) => error);
  expect(await tooMany).toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  await Promise.all(sent);
  expect(room.passing).toEqual([]);
  ann.member.tell("cursor", { metric: "t" });
  clock.advance(90_000);
  await ann.member.send({ message: "behind them" });
  expect(room.passing).toMatchObject([{ messageType: "cursor", metadata: { metric: "t" } }]);
  expect(clock.timers).toBe(1);
});

test("random members, cuts, lost confirmations and forgotten cursors: all have the same order, nothing twice, nothing missing", async () => {
  const random = randomOf(7);
  for (let run = 0; run < 6; run++) {
    await using room = await startFakeRoom();
    await using members = new AsyncDisposableStack();
    const joined = ["ann", "bob", "eve"].map((userId) => members.use(join(room, userId, { last: 1_000 })));
    const sent: Promise<unknown>[] = [];
    const orders = new Map<string, string[]>();
    for (let step = 0; step < 120; step++) {
      const choice = random();
      const who = joined[Math.floor(random() * joined.length)];
      if (choice < 0.7) {
        sent.push(who.member.send({ message: `m${step}` }));
        orders.set(who.member.userId, [...(orders.get(who.member.userId) ?? []), `m${step}`]);
      } else if (choice < 0.8) room.loseConfirmation(1 + Math.floor(random() * 5));
      else if (choice < 0.88) room.cut();
      else if (choice < 0.91) room.forgetCursors();
      else room.say("zoe", `z${step}`);
      if (random() < 0.3) await Bun.sleep(random() * 4);
    }
    room.loseConfirmation(0);
    await Promise.all(sent);
    for (const each of joined) await each.until((news) => chats(known(news)).length === chats(keptIn(room)).length);
    for (const each of joined) expect(chats(known(each.news))).toEqual(chats(keptIn(room)));
    for (const [user, order] of orders) {
      const own = room.kept.filter(({ userId, messageType }) => userId === user && messageType === "chat");
      expect(own.map(({ message }) => message)).toEqual(order);
    }
    const texts = room.kept.map(({ message }) => message).filter((message) => message !== "");
    expect(new Set(texts).size).toBe(texts.length);
  }
}, 120_000);
