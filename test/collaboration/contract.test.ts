/** The same over native gRPC, Connect and gRPC-Web, against a real server: one contract, whatever way somebody comes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { startServer, type RunningServer } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Collaboration, CollaborationMessageSchema, SessionState } from "../../src/wire/gen/collaboration_pb.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";
import { nativeDriver, nativePairDriver, until, webDriver, type DrivenMember, type Driver } from "./drivers.ts";

const M = Collaboration.method;
/** Five times that may come at once, as many as one says here. */
const PER_SECOND = 16;
const dir = tempDir("collaboration-contract");
const told: string[] = [];
let server: RunningServer;
let sessions = 0;

async function start(): Promise<void> {
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const env = { WATCHPOST_SESSIONS_MESSAGES_PER_SECOND: String(PER_SECOND), WATCHPOST_SHUTDOWN_GRACE: "2s" };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const tell = (what: object, sentence: string) => void told.push(`${sentence} ${Bun.inspect(what)}`);
  const logger = { info() {}, debug() {}, warn() {}, error: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, onFatal });
}

beforeAll(start);

afterAll(async () => {
  await server.close();
  dir[Symbol.dispose]();
  expect(told).toEqual([]);
});

const DRIVERS: readonly (() => Driver)[] = [
  () => nativeDriver(server.grpcAddress),
  () => nativePairDriver(server.grpcAddress),
  () => webDriver("Connect with JSON", server.httpAddress),
  () => webDriver("Connect with binary", server.httpAddress),
  () => webDriver("gRPC-Web", server.httpAddress),
];
const NAMES = [
  "JoinSession over gRPC",
  "WatchSession and SendMessage over gRPC",
  "WatchSession and SendMessage over Connect with JSON",
  "WatchSession and SendMessage over Connect with binary",
  "WatchSession and SendMessage over gRPC-Web",
];

const numbersOf = ({ kept }: DrivenMember) => kept.map(({ number }) => Number(number));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
/** Joins, and waits until that is told. */
async function arrive(driver: Driver, userId: string, sessionId: string): Promise<DrivenMember> {
  const member = await driver.join(userId, { sessionId });
  const isHere = ({ kept }: DrivenMember) =>
    kept.some(
      ({ metadata, members }) => metadata["event"] === "joined" && members.some((one) => one.userId === userId),
    );
  await member.until("it has joined", isHere);
  return member;
}
const newSession = () => `session-${++sessions}`;

describe.each(NAMES)("%s", (name) => {
  const open = () => DRIVERS[NAMES.indexOf(name)]();

  test("a snapshot, a mark, then everything as it happens", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await driver.join("ann", { sessionId, userName: "Ann" });
    ann.say("it rattles");
    ann.say("and hums", "id-1");
    await ann.until("it is kept", ({ confirmed }) => confirmed.length === 1);
    const ben = await arrive(driver, "ben", sessionId);
    await ben.until("its own joining", ({ kept }) => kept.length === 4);
    const shown = ben.got.map(({ messageType, message, metadata }) => `${messageType} ${metadata["event"] ?? message}`);
    expect(shown).toEqual([
      "system snapshot",
      "system joined",
      "chat it rattles",
      "chat and hums",
      "system snapshot_end",
      "system joined",
    ]);
    // Of its own joining it hears like everybody.
    expect(ben.got[0].members.map(({ userId, userName, streams }) => [userId, userName, streams])).toEqual([
      ["ann", "Ann", 1],
    ]);
    expect(ben.kept[1]).toMatchObject({ userId: "ann", userName: "Ann", sessionId, number: 2n });
    expect(Number(ben.kept[1].timestamp!.seconds)).toBeGreaterThan(1.6e9);
    const short = await driver.join("cid", { sessionId, last: 1 });
    expect(short.got.slice(0, 3).map(({ metadata, number }) => metadata["event"] ?? Number(number))).toEqual([
      "snapshot",
      "joined",
      "snapshot_end",
    ]);
  });

  test("the same order for all, consecutive, and nobody is told what it said itself", async () => {
    using driver = open();
    const sessionId = newSession();
    const members: DrivenMember[] = [];
    for (const userId of ["ann", "ben", "cid"]) members.push(await arrive(driver, userId, sessionId));
    const watcher = await driver.join("watcher", { sessionId, last: 1_000 });
    for (let i = 0; i < 30; i++)
      members.forEach((member, at) => member.say(`${at}-${i}`, i % 2 ? `id-${i}` : undefined));
    await watcher.until("all is told", ({ said }) => said.length === 90);
    expect(numbersOf(watcher)).toEqual(range(1, 94));
    for (const [at, member] of members.entries()) {
      const isOwn = (line: string) => line.startsWith(`${["ann", "ben", "cid"][at]}:`);
      await member.until("all is told", ({ said, confirmed }) => said.length === 60 && confirmed.length === 15);
      expect(member.said).toEqual(watcher.said.filter((line) => !isOwn(line)));
      expect(watcher.said.filter(isOwn).map((line) => line.split("-")[1])).toEqual(range(0, 29).map(String));
      expect(member.refused).toEqual([]);
    }
  });

  test("what is sent again is kept once, and confirmed each time with its number", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const ben = await arrive(driver, "ben", sessionId);
    for (let i = 0; i < 3; i++) ben.say("once", "id");
    await ben.until("three confirmations", ({ confirmed }) => confirmed.length === 3);
    const back = await driver.join("ben", { sessionId });
    back.say("once", "id");
    back.say("end");
    await ann.until("the end", ({ said }) => said.includes("ben: end"));
    await back.until("one confirmation", ({ confirmed }) => confirmed.length === 1);
    expect([...ben.confirmed, ...back.confirmed]).toEqual(Array(4).fill("id: 3"));
    expect(ann.said).toEqual(["ben: once", "ben: end"]);
  });

  test("a cursor misses nothing and repeats nothing", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const all = await arrive(driver, "all", sessionId);
    const count = 70;
    for (let i = 0; i < count; i++) ann.say(`m${i}`);
    await all.until("all is told", ({ said }) => said.length === count);
    for (const at of [0, 10, 40, count - 1]) {
      const { cursor } = all.kept.at(-count + at)!;
      const back = await driver.join("all", { sessionId, cursor });
      expect(back.said).toEqual(all.said.slice(at + 1));
      expect(back.got.at(-1)!.metadata["event"]).toBe("resumed");
      back.drop();
    }
    const { cursor } = all;
    all.drop();
    ann.say("meanwhile");
    const back = await driver.join("all", { sessionId, cursor });
    ann.say("after");
    await back.until("both", ({ said }) => said.length === 2);
    expect(back.said).toEqual(["ann: meanwhile", "ann: after"]);
    expect(back.kept.some(({ metadata }) => metadata["event"] === "joined")).toBe(false);
  });

  test("what cannot be joined is refused with the field that is wrong", async () => {
    using driver = open();
    const sessionId = newSession();
    const refused = async (userId: string, joining: Parameters<Driver["join"]>[1]) => {
      const { ended } = await driver.join(userId, joining);
      return `${ended!.status} ${ended!.message}`;
    };
    expect(await refused("", {})).toBe('INVALID_ARGUMENT user_id is ""; wanted who joins');
    expect(await refused("ann", { sessionId: "a/b" })).toStartWith(
      'INVALID_ARGUMENT session_id is "a/b"; wanted letters',
    );
    expect(await refused("ann", { last: 1_001 })).toMatch(/^INVALID_ARGUMENT .*last.* is .*1001.*; wanted 0 to 1000/);
    expect(await refused("ann", { sessionId, cursor: "rubbish" })).toStartWith("INVALID_ARGUMENT cursor is");
    const ann = await driver.join("ann", {});
    expect(ann.got[0].sessionId).toBe("lobby");
  });

  test("what is refused costs only itself", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const ben = await arrive(driver, "ben", sessionId);
    ben.send({ message: "x", messageType: "dance" });
    ben.send({ message: "x", messageType: "system" });
    ben.send({ message: " " });
    ben.send({ message: "x".repeat(64 * 1024 + 1) });
    ben.send({ message: "x", metadata: Object.fromEntries(range(1, 70).map((i) => [`k${i}`, ""])) });
    ben.say("and on");
    await ann.until("it goes on", ({ said }) => said.length > 0);
    await ben.until("all are refused", ({ refused }) => refused.length === 5);
    expect(ben.refused.map(({ status }) => status)).toEqual(Array(5).fill("INVALID_ARGUMENT"));
    const says = [
      'message_type is "dance"; wanted chat',
      "system is the server's",
      "some text",
      "65537 bytes",
      "metadata",
    ];
    for (const [i, each] of says.entries()) expect(ben.refused[i].message).toContain(each);
    expect(ann.said).toEqual(["ben: and on"]);
    expect(ben.ended).toBeUndefined();
  });

  test("a flood is refused with when to send on, and disturbs nobody", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const flood = await arrive(driver, "flood", sessionId);
    for (let i = 0; i < 20 * PER_SECOND; i++) flood.send({ messageType: "typing" });
    await flood.until("it is refused", ({ refused }) => refused.length > 0);
    expect(flood.refused[0]).toEqual({
      status: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/^this member sends more than 16 messages a second; send on in \d+ ms$/),
    });
    ann.say("calm", "id");
    await ann.until("it is kept", ({ confirmed }) => confirmed.length === 1);
    flood.drop();
  });

  test("hostile text stays text", async () => {
    using driver = open();
    const sessionId = newSession();
    const texts = [
      `<script>alert("x")</script>&amp;`,
      `${Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join("")}\u007f\u009b\u001b[2J`,
      "\u202eevil\u202c שלום مرحبا 👩‍👩‍👧 \u{10ffff}\ufeff\u2028",
      "ü".repeat(32 * 1024),
      "x".repeat(64 * 1024),
    ];
    const ann = await arrive(driver, "ann", sessionId);
    const name = texts[1].slice(1, 60);
    const ben = await driver.join(`u${texts[2]}`, { sessionId, userName: name });
    for (const text of texts) ben.send({ message: text, metadata: { [text.slice(0, 50)]: text.slice(0, 5_000) } });
    await ann.until("all is told", ({ kept }) => kept.filter(({ messageType }) => messageType === "chat").length === 5);
    const chats = ann.kept.filter(({ messageType }) => messageType === "chat");
    expect(chats.map(({ message }) => message)).toEqual(texts);
    for (const [i, { metadata, userId, userName }] of chats.entries()) {
      expect(metadata[texts[i].slice(0, 50)]).toBe(texts[i].slice(0, 5_000));
      expect([userId, userName]).toEqual([`u${texts[2]}`, name]);
    }
  });

  test("two streams of a user are one member; what passes by is not kept", async () => {
    using driver = open();
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const tab = await arrive(driver, "ben", sessionId);
    const second = await driver.join("ben", { sessionId });
    tab.send({ messageType: "cursor", metadata: { chart: "temp" } });
    tab.send({ messageType: "typing" });
    tab.say("x", "id");
    for (const member of [ann, second]) {
      await member.until("it is told", ({ said }) => said.length === 1);
      const passing = member.got.filter(({ number, messageType }) => number === 0n && messageType !== "system");
      expect(passing.map(({ messageType, userId }) => `${userId} ${messageType}`)).toEqual([
        "ben cursor",
        "ben typing",
      ]);
    }
    await tab.until("it is confirmed", ({ confirmed }) => confirmed.length === 1);
    expect([tab.said, tab.got.some(({ messageType }) => messageType === "typing")]).toEqual([[], false]);
    const { session } = await driver.ask(M.getSession, { sessionId });
    expect(
      session!.members.map(({ userId, streams, lookingAt }) => [userId, streams, lookingAt["chart"] ?? ""]),
    ).toEqual([
      ["ann", 1, ""],
      ["ben", 2, "temp"],
    ]);
    expect(ann.kept.map(({ metadata, message }) => metadata["event"] ?? message)).toEqual(["joined", "joined", "x"]);
    second.drop();
    tab.drop();
    await until("both are gone", async () => {
      const { session: now } = await driver.ask(M.getSession, { sessionId });
      return now!.members.some(({ userId, streams }) => userId === "ben" && streams === 0);
    });
  });

  test("sessions are opened, listed, closed and opened again", async () => {
    using driver = open();
    const sessionId = newSession();
    const topic = { devices: [sessionId], alertIds: ["a"] };
    const { session } = await driver.ask(M.createSession, { sessionId, userId: "ann", title: "Pump", topic });
    expect(session).toMatchObject({ id: sessionId, title: "Pump", state: SessionState.OPEN, createdBy: "ann" });
    const failure = (asking: Promise<unknown>) => asking.then(String, ({ status }) => status as string);
    expect(await failure(driver.ask(M.createSession, { sessionId }))).toBe("ALREADY_EXISTS");
    expect(await failure(driver.ask(M.getSession, { sessionId: "nowhere" }))).toBe("NOT_FOUND");
    const ann = await arrive(driver, "ann", sessionId);
    await driver.ask(M.closeSession, { sessionId, userId: "ann" });
    ann.say("x");
    await ann.until("it is refused", ({ refused }) => refused.length === 1);
    expect(ann.refused[0].status).toBe("FAILED_PRECONDITION");
    expect(await failure(driver.ask(M.closeSession, { sessionId }))).toBe("FAILED_PRECONDITION");
    await driver.ask(M.reopenSession, { sessionId, userId: "ben" });
    const { sessions: found } = await driver.ask(M.listSessions, { device: sessionId, active: true });
    expect(found.map(({ id, messages }) => [id, messages])).toEqual([[sessionId, 4n]]);
    const { messages, more } = await driver.ask(M.listMessages, { sessionId, limit: 2 });
    expect([messages.map(({ metadata }) => metadata["event"]), more]).toEqual([["closed", "reopened"], true]);
  });
});

test("everybody in one session, whatever way they came, gets the same order", async () => {
  using stack = new DisposableStack();
  const sessionId = newSession();
  const members: DrivenMember[] = [];
  for (const [i, make] of DRIVERS.entries()) {
    const driver = stack.use(make());
    members.push(await driver.join(`user-${i}`, { sessionId }));
  }
  const watcher = await stack.use(nativePairDriver(server.grpcAddress)).join("watcher", { sessionId, last: 1_000 });
  for (let n = 0; n < 40; n++) for (const member of members) member.say(`m${n}`, `id-${n}`);
  const total = 40 * members.length;
  await watcher.until("all is told", ({ said }) => said.length === total);
  for (const [i, member] of members.entries()) {
    await member.until("all is told", ({ said, confirmed }) => said.length === total - 40 && confirmed.length === 40);
    expect(member.said).toEqual(watcher.said.filter((line) => !line.startsWith(`user-${i}:`)));
  }
});

describe("JoinSession alone", () => {
  test("a half-closed stream gets everything that was numbered before, then OK, and its member is gone", async () => {
    using driver = nativeDriver(server.grpcAddress);
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const ben = await arrive(driver, "ben", sessionId);
    for (let i = 0; i < 50; i++) ben.say(`m${i}`, `id-${i}`);
    ben.end!();
    await ben.until("it ends", ({ ended }) => ended !== undefined);
    expect(ben.ended).toEqual({ status: "OK", message: "" });
    expect(ben.confirmed).toEqual(range(0, 49).map((i) => `id-${i}: ${i + 3}`));
    await ann.until("it is told", ({ kept }) => kept.at(-1)!.message === "ben left");
    expect(ann.said).toHaveLength(50);
  });

  test("what is not UTF-8, or no message, is refused, and the stream goes on", async () => {
    using driver = nativeDriver(server.grpcAddress);
    const sessionId = newSession();
    const ann = await arrive(driver, "ann", sessionId);
    const ben = await arrive(driver, "ben", sessionId);
    const chat = toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, { message: "abcd" }));
    ben.sendBytes!(Uint8Array.from(chat, (byte) => (byte === 0x63 ? 0xff : byte)));
    ben.sendBytes!(new Uint8Array([0xff, 0xff]));
    ben.sendBytes!(new Uint8Array([]));
    ben.say("and on");
    await ann.until("it goes on", ({ said }) => said.length === 1);
    await ben.until("they are refused", ({ refused }) => refused.length === 3);
    expect(ben.refused.map(({ status }) => status)).toEqual(Array(3).fill("INVALID_ARGUMENT"));
    expect(ben.refused[0].message).toStartWith("this is no valid CollaborationMessage: ");
  });
});

describe("over JSON", () => {
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const respond = (method: string, type: string, body: string | Uint8Array<ArrayBuffer>) =>
    fetch(`http://${server.httpAddress}/analytics.Collaboration/${method}`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
  const post = async (body: string | Uint8Array<ArrayBuffer>) => {
    const response = await respond("SendMessage", "application/json", body);
    return [response.status, ((await response.json()) as { code?: string }).code];
  };

  test("what is not UTF-8, half a surrogate pair, and fields that there are not, are refused", async () => {
    const sessionId = newSession();
    for (const spoiled of ["a\xffb", "\xed\xa0\x80", "\xc0\x80", "\xe2\x82"]) {
      const body = bytes(`{"userId":"ann","sessionId":"${sessionId}","message":"${spoiled}"}`);
      expect(await post(body)).toEqual([400, "invalid_argument"]);
    }
    expect(await post(bytes(`{"userId":"ann"}\xe2`))).toEqual([400, "invalid_argument"]);
    expect(await post(`{"userId":"ann","sessionId":"${sessionId}","message":"a\\ud800b"}`)).toEqual([
      400,
      "invalid_argument",
    ]);
    expect(await post(`{"userId":"ann","sessionId":"${sessionId}","mesage":"a"}`)).toEqual([400, "invalid_argument"]);
    expect(await post(`{"userId":"ann","sessionId":"${sessionId}","message":"a"}`)).toEqual([200, undefined]);
    using driver = nativeDriver(server.grpcAddress);
    expect((await driver.ask(M.getSession, { sessionId })).session!.messages).toBe(1n);
  });

  test.each(["application/connect+json", "application/grpc-web+json"])(
    "what is not UTF-8 is refused as %s, too",
    async (type) => {
      const sessionId = newSession();
      const body = bytes(`{"sessionId":"${sessionId}","userId":"a\xff"}`);
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(body.length, 1);
      const response = await respond("WatchSession", type, Buffer.concat([prefix, body]));
      expect(decodeURIComponent(await response.text())).toContain("the body is not valid UTF-8");
    },
  );
});

test("one who reads nothing is disconnected, slows nobody, and goes on from its cursor", async () => {
  using driver = nativeDriver(server.grpcAddress);
  using own = nativeDriver(server.grpcAddress);
  const sessionId = newSession();
  const slow = await own.join("slow", { sessionId });
  const { cursor } = slow;
  slow.pause!();
  const fast = await driver.join("fast", { sessionId });
  const senders = await Promise.all(range(1, 8).map((i) => driver.join(`sender-${i}`, { sessionId, last: 0 })));
  const text = "x".repeat(60 * 1024);
  for (let i = 1; i <= 30; i++) {
    senders.forEach((sender) => sender.say(`${i} ${text}`));
    await fast.until("all is told", ({ said }) => said.length === 8 * i);
  }
  const streamsOf = async (user: string) => {
    const { session } = await driver.ask(M.getSession, { sessionId });
    return session!.members.find(({ userId }) => userId === user)?.streams ?? 0;
  };
  await until("it is no member any more", async () => (await streamsOf("slow")) === 0);
  expect(await streamsOf("fast")).toBe(1);
  slow.drop();
  const back = await own.join("slow", { sessionId, cursor });
  await back.until("it has caught up", ({ said }) => said.length === 240);
  expect(back.said).toEqual(fast.said);
});

test("a server that stops tells everybody to come back; whoever was here is waited for", async () => {
  const sessionId = newSession();
  const before = DRIVERS.map((make) => make());
  const members = await Promise.all(before.map((driver, i) => driver.join(`user-${i}`, { sessionId })));
  await members[0].until("all are here", () => members.every(({ kept }) => kept.length > 0));
  members[0].say("last words", "id");
  await members[1].until("it is told", ({ said }) => said.length === 1);
  const { cursor } = members[1];
  await server.close();
  for (const member of members) {
    await member.until("it ends", ({ ended }) => ended !== undefined);
    expect(member.ended).toEqual({ status: "UNAVAILABLE", message: "the server is shutting down; connect again" });
  }
  before.forEach((driver) => driver[Symbol.dispose]());
  await start();
  using driver = nativeDriver(server.grpcAddress);
  const { session } = await driver.ask(M.getSession, { sessionId });
  expect(session!.members.map(({ userId, streams }) => [userId, streams]).sort()).toEqual(
    members.map((_, i) => [`user-${i}`, 0]),
  );
  const back = await driver.join("user-1", { sessionId, cursor });
  expect(back.kept).toEqual([]);
  back.say("again", "id");
  const other = await driver.join("user-0", { sessionId });
  other.say("last words", "id");
  await other.until("it is known", ({ confirmed }) => confirmed.length === 1);
  await back.until("it is confirmed", ({ confirmed }) => confirmed.length === 1);
  expect(other.confirmed[0]).toBe(`id: ${Number(back.confirmed[0].split(" ")[1]) - 1}`);
});
