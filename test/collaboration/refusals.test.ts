/** What is refused costs only itself, and text stays text, whatever stands in it. */
import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { CollaborationMessageSchema, Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Rig, settle } from "./rig.ts";

const M = Collaboration.method;
const KIB = 1024;

const manyOf = (count: number, keyLength: number, valueLength: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [String(i).padStart(keyLength, "k"), "v".repeat(valueLength)]),
  );

interface Init {
  readonly userId?: string;
  readonly userName?: string;
  readonly sessionId?: string;
  readonly messageType?: string;
  readonly message?: string;
  readonly metadata?: Record<string, string>;
}

const REFUSED: readonly (readonly [what: string, message: Init, says: string])[] = [
  ["an unknown type", { messageType: "dance", message: "x" }, 'message_type is "dance"; wanted chat, action, update'],
  ["the server's type", { messageType: "system", message: "x" }, "typing: system is the server's"],
  ["a type in other letters", { messageType: "Chat", message: "x" }, 'message_type is "Chat"'],
  ["a chat that says nothing", { message: " \n\t" }, 'message is " \\n\\t"; wanted some text'],
  ["an update that says nothing", { messageType: "update" }, 'message is ""; wanted some text'],
  ["one byte too much", { message: "x".repeat(64 * KIB + 1) }, 'message is "65537 bytes"; wanted at most 65536'],
  ["one byte too much, of many", { message: `${"ü".repeat(32 * KIB)}x` }, 'message is "65537 bytes"'],
  ["too many keys", { message: "x", metadata: manyOf(65, 3, 1) }, 'metadata is "65 entries"; wanted at most 64'],
  ["a long key", { message: "x", metadata: manyOf(1, 129, 1) }, "wanted at most 128 characters"],
  ["a long value", { message: "x", metadata: manyOf(1, 1, 16 * KIB + 1) }, 'metadata["0"] is "16385 bytes"'],
  [
    "much metadata",
    { message: "x", metadata: manyOf(3, 1, 11 * KIB) },
    'metadata is "33795 bytes"; wanted at most 32768',
  ],
  ["a long type", { messageType: "x".repeat(60 * KIB) }, 'message_type is "xxxx'],
];

describe("what is refused", () => {
  test.each(REFUSED)("%s: is told to its sender alone, and the stream goes on", async (_what, message, says) => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const before = ann.got.length;
    const metadata = { ...message.metadata, client_message_id: "id-1" };
    ben.send(message.metadata === undefined ? { ...message, metadata } : message);
    ben.say("and on");
    await settle();
    expect(ben.refusals).toHaveLength(1);
    const [refusal] = ben.refusals;
    expect([refusal.messageType, refusal.number, refusal.cursor, refusal.sessionId]).toEqual([
      "system",
      0n,
      "",
      "lobby",
    ]);
    expect(refusal.metadata["error"]).toBe("INVALID_ARGUMENT");
    if (message.metadata === undefined) expect(refusal.metadata["client_message_id"]).toBe("id-1");
    expect(refusal.message).toContain(says);
    expect(refusal.message.length).toBeLessThan(400);
    expect(ann.got.slice(before).map(({ message: text }) => text)).toEqual(["and on"]);
    await expect(rig.send({ userId: "ben", ...message })).rejects.toThrow(says);
    expect((await rig.metrics.sessionRefused.get()).values).toMatchObject([{ labels: { status: "INVALID_ARGUMENT" } }]);
    expect(rig.trouble).toEqual([]);
  });

  test("text that is not UTF-8, and what is no message at all", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const bytes = toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, { message: "abcd" }));
    const spoiled = [
      Uint8Array.from(bytes, (byte) => (byte === 0x63 ? 0xff : byte)),
      // A surrogate, written as UTF-8 would if it were a character.
      new Uint8Array([0x12, 3, 0xed, 0xa0, 0x80]),
      // Overlong.
      new Uint8Array([0x12, 2, 0xc0, 0x80]),
      bytes.subarray(0, 3),
      new Uint8Array([0xff, 0xff, 0xff]),
    ];
    for (const each of spoiled) ben.sendBytes(each);
    ben.say("and on");
    await settle();
    expect(ben.refusals.map(({ metadata }) => metadata["error"])).toEqual(Array(5).fill("INVALID_ARGUMENT"));
    for (const { message } of ben.refusals) expect(message).toStartWith("this is no valid CollaborationMessage: ");
    expect(ann.said).toEqual(["ben: and on"]);
  });

  test("names and ids that are too long, or none", async () => {
    await using rig = await Rig.open();
    const long = "n".repeat(257);
    const refused = async (message: Init, says: string) => {
      const { userId = "ann", ...rest } = message;
      const joined = await rig.join(userId, rest);
      expect(joined.ended).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining(says) });
      await expect(rig.send({ message: "x", userId, ...rest })).rejects.toThrow(says);
    };
    await refused({ userId: long }, "wanted at most 256 characters");
    await refused({ userName: long }, "user_name is");
    await refused({ metadata: { user_name: long } }, "user_name is");
    for (const sessionId of ["a b", "../etc", "-x", "a/b", "<b>", "s".repeat(129), "a\u0000", "\u202eabc", "a\nb"]) {
      await refused({ sessionId }, "session_id is");
    }
    expect([...rig.collaboration.rooms.all]).toEqual([]);
    const ann = await rig.join("ann");
    ann.say("x", "i".repeat(129));
    await settle();
    expect(ann.refusals.map(({ message }) => message)).toEqual([
      expect.stringContaining('metadata["client_message_id"] is "iii'),
    ]);
  });

  test("what a member sends past its limit, until it has waited as long as it was told", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 4 });
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    const again = await rig.join("ben");
    for (let i = 0; i < 30; i++) (i % 2 ? ben : again).say(`m${i}`, `id-${i}`);
    await settle();
    expect(ann.said).toHaveLength(20);
    const refused = [...ben.refusals, ...again.refusals];
    expect(refused).toHaveLength(10);
    expect(refused[0].message).toBe("this member sends more than 4 messages a second; send on in 250 ms");
    expect(refused[0].metadata).toMatchObject({ error: "RESOURCE_EXHAUSTED", retry_after_ms: "250" });
    // From wherever it sends, and nobody else.
    await expect(rig.send({ userId: "ben", message: "x" })).rejects.toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      retryAfterMs: 250,
    });
    ann.say("calm");
    await rig.advance(250);
    ben.say("waited");
    await settle();
    expect([ben.said.at(-1), ann.said.at(-1)]).toEqual(["ann: calm", "ben: waited"]);
  });

  test("what those send that are not here, past their limit", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 2 });
    const sending = Array.from({ length: 15 }, (_, i) =>
      rig.send({ userId: "bot", sessionId: `s${i}`, message: "x" }).then(
        () => "kept",
        ({ status }) => status,
      ),
    );
    const done = await Promise.all(sending);
    expect(done.filter((each) => each === "kept")).toHaveLength(10);
    expect(done.filter((each) => each === "RESOURCE_EXHAUSTED")).toHaveLength(5);
  });

  test("a flood of what is refused ends the stream of one who does not read it, and costs nobody else", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    ben.pause();
    for (let i = 0; i < 5_000; i++) ben.send({ messageType: "dance" });
    await settle();
    ben.resume();
    await settle();
    expect(ben.ended).toMatchObject({ status: "UNAVAILABLE" });
    ann.say("calm");
    await settle();
    expect([ann.ended, ann.refusals]).toEqual([undefined, []]);
  });

  test("what cannot be kept, with how long to wait; sent again it is kept once", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann");
    const ben = await rig.join("ben");
    rig.journal.isFailing = true;
    ben.say("one", "id-1");
    await settle();
    expect(ben.refusals[0].metadata).toEqual({
      error: "UNAVAILABLE",
      client_message_id: "id-1",
      retry_after_ms: "1000",
    });
    rig.journal.isFailing = false;
    ben.say("one", "id-1");
    ben.say("one", "id-1");
    await settle();
    expect(ann.said).toEqual(["ben: one"]);
    expect(ann.kept.map(({ number }) => Number(number))).toEqual([1, 2, 3]);
  });
});

const HOSTILE: readonly (readonly [string, string])[] = [
  ["markup", `<script>alert("x")</script><img src=x onerror=alert(1)>&amp;&lt;`],
  ["control characters", Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join("") + "\u007f\u0085\u009b"],
  ["terminal sequences", "\u001b[2J\u001b]0;title\u0007\u001b[31mred"],
  ["right-to-left", "\u202eevil\u202c \u2066x\u2069 שלום مرحبا"],
  ["characters of many bytes", "👩‍👩‍👧‍👦 \u{10ffff} \ufeff\u2028\u2029 Z̸̛̝a̷l̵g̶o"],
  ["JSON and paths", `{"a":"\\u0000"} ../../etc/passwd '; DROP TABLE journal; -- \\`],
  ["names of prototypes", "__proto__ constructor toString"],
  ["64 KiB", "x".repeat(64 * KIB)],
  ["64 KiB of two bytes each", "ü".repeat(32 * KIB)],
];

describe("text stays as it is", () => {
  test.each(HOSTILE)("%s", async (_what, text) => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "s" });
    const name = text.slice(0, 100);
    const ben = await rig.join(`u${name}`, { sessionId: "s", metadata: { user_name: `n${name}` } });
    const metadata = { __proto__x: text.slice(0, 8 * KIB), [`k${text.slice(0, 60)}`]: "v", client_message_id: name };
    ben.send({ messageType: "chat", message: text, metadata });
    await settle();
    const check = (message: (typeof ann.got)[number]) => {
      expect(message.message).toBe(text);
      expect(message.userId).toBe(`u${name}`);
      expect(message.userName).toBe(`n${name}`);
      expect(message.metadata).toEqual(metadata);
    };
    check(ann.got.at(-1)!);
    expect(ben.refusals).toEqual([]);
    // Titles are a line.
    const title = name.replaceAll(/[\n\v\f\r\x85\u2028\u2029]/g, "").trim();
    await rig.ask(M.createSession, { sessionId: "t", userId: name, title, topic: { devices: [`d${name}`] } });
    await rig.crash();
    const back = await rig.watch({ userId: "cid", sessionId: "s" });
    check(back.kept.find(({ messageType }) => messageType === "chat")!);
    const { messages } = await rig.ask(M.listMessages, { sessionId: "s" });
    check(messages.find(({ messageType }) => messageType === "chat")!);
    const { session } = await rig.ask(M.getSession, { sessionId: "t" });
    expect([session!.title, session!.topic!.devices]).toEqual([title, [`d${name}`]]);
    // Sent again by the same name it is the same message.
    const { repeated } = await rig.send({ userId: `u${name}`, sessionId: "s", message: text, metadata });
    expect(repeated).toBe(true);
    expect(rig.trouble).toEqual([]);
  });
});
