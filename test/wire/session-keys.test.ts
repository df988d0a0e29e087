/** What members make of what a server says: also of one that lies. */
import { create } from "@bufbuild/protobuf";
import { beforeAll, expect, test } from "bun:test";
import {
  CollaborationMessageSchema,
  SealedSchema,
  SessionSchema,
  type CollaborationMessage,
  type Session,
} from "../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey, type SessionKey } from "../../src/wire/sealed-message.ts";
import { SessionKeys } from "../../src/wire/session-keys.ts";
import { unreadableReason, WITHOUT_KEY } from "../../src/wire/message-cipher.ts";

const first = newSessionKey(1);
let session: Session;
let ann: SessionKeys;

beforeAll(async () => {
  session = await sessionWith("pump-1", first);
  ann = await SessionKeys.of(session, first);
});

async function sessionWith(id: string, key: SessionKey): Promise<Session> {
  const encryption = { epoch: 1, keyCheck: await keyCheckOf(key, id), sessionId: id };
  return create(SessionSchema, { id, encryption });
}

/** As the server has it after a new key. */
async function rekeyed(before: Session, keys: SessionKeys): Promise<{ session: Session; key: SessionKey }> {
  const { key, epoch, keyCheck, earlierKey } = await keys.next();
  const encryption = { ...before.encryption!, epoch, keyCheck };
  const earlierKeys = [...before.encryption!.earlierKeys, create(SealedSchema, earlierKey)];
  return { session: create(SessionSchema, { id: before.id, encryption: { ...encryption, earlierKeys } }), key };
}

let count = 0;
const chat = (message: string, more: Partial<CollaborationMessage> = {}) =>
  create(CollaborationMessageSchema, {
    messageType: "chat",
    message,
    metadata: { client_message_id: `id-${++count}` },
    ...(more as object),
  });
const opened = async (keys: SessionKeys, message: CollaborationMessage) => (await keys.open(message)).message;
const why = async (keys: SessionKeys, message: CollaborationMessage) => unreadableReason(await keys.open(message));

test("what one seals others open; the server sees no word of it", async () => {
  const sealed = await ann.seal(chat("bearing 2"), "ann");
  expect([sealed.message, sealed.userId, JSON.stringify(sealed.metadata)]).toEqual([
    "",
    "ann",
    `{"client_message_id":"id-${count}"}`,
  ]);
  const ben = await SessionKeys.of(session, first);
  expect(await opened(ben, sealed)).toBe("bearing 2");
  expect(await opened(ben, await ann.seal(chat("", { messageType: "update", message: "x" }), "ann"))).toBe("x");
  // What acts on the server it has to read.
  const action = chat("on my way", { messageType: "action" });
  expect(await ann.seal(action, "ann")).toBe(action);
  expect(await ben.open(action)).toBe(action);
});

test("what a server changes, moves or makes up is not shown as anybody's words", async () => {
  const sealed = await ann.seal(chat("bearing 2"), "ann");
  const changed = /was changed on its way/;
  expect(await why(ann, { ...sealed, userId: "ben" })).toMatch(changed);
  expect(await why(ann, { ...sealed, metadata: { client_message_id: "other" } })).toMatch(changed);
  expect(await why(ann, { ...sealed, metadata: {} })).toMatch(changed);
  expect(await why(ann, { ...sealed, sealed: { ...sealed.sealed!, epoch: 2 } })).toContain("it needs 2");
  // Its own text beside it is never taken for what was sealed.
  expect(await opened(ann, { ...sealed, message: "pump off" })).toBe("bearing 2");
  expect(await opened(ann, { ...sealed, userId: "ben", message: "pump off" })).toBe("");
  expect(unreadableReason(await ann.open({ ...sealed, metadata: { ...sealed.metadata, unreadable: "no" } }))).toBe("");
  for (const messageType of ["chat", "update", "annotation", "issue", "", "shout"]) {
    const made = await ann.open(chat("pump off", { messageType }));
    expect([made.message, unreadableReason(made)]).toEqual(["", expect.stringContaining("it is not encrypted")]);
  }
  expect((await ann.open({ ...sealed, messageType: "action" })).messageType).toBe("chat");
});

test("a key of another session, one that is newer than the session's, and a session that is not encrypted are refused", async () => {
  await expect(SessionKeys.of(session, newSessionKey(1))).rejects.toThrow("this is not the key of session pump-1");
  await expect(SessionKeys.of(await sessionWith("pump-2", first), first)).resolves.toBeDefined();
  // The same under another name, as a server may say that it was.
  await expect(SessionKeys.of({ ...session, id: "pump-2" }, first)).rejects.toThrow(
    "this is not the key of session pump-2",
  );
  expect((await SessionKeys.of({ ...session, id: "imported" }, first, false)).sessionId).toBe("pump-1");
  const after = await rekeyed(session, ann);
  await expect(SessionKeys.of(session, after.key)).rejects.toThrow(
    "the key is number 2, and session pump-1 has 1 only",
  );
  const plain = create(SessionSchema, { id: "pump-1" });
  await expect(SessionKeys.of(plain, first)).rejects.toThrow("session pump-1 is not encrypted");
});

test("who has the new key reads everything, who has the old one nothing that came later, and says nothing with it", async () => {
  const before = await ann.seal(chat("before"), "ann");
  const second = await rekeyed(session, ann);
  const third = await rekeyed(second.session, await SessionKeys.of(second.session, second.key));
  const between = await (await SessionKeys.of(second.session, second.key)).seal(chat("between"), "ann");
  const newest = await SessionKeys.of(third.session, third.key);
  const after = await newest.seal(chat("after"), "ann");
  expect(await Promise.all([before, between, after].map((each) => opened(newest, each)))).toEqual([
    "before",
    "between",
    "after",
  ]);
  const left = await SessionKeys.of(third.session, first);
  expect(left.isOutdated).toBe(true);
  expect(await opened(left, before)).toBe("before");
  for (const each of [between, after])
    expect(await why(left, each)).toMatch(/the key was changed: this is number 1, and it needs [23]/);
  await expect(left.seal(chat("x"), "ann")).rejects.toThrow("wanted the new link");
  await expect(left.next()).rejects.toThrow("wanted the new link");
  // With what the server keeps of it the old key opens nothing of the new one.
  const [sealedFirst, sealedSecond] = third.session.encryption!.earlierKeys;
  const turned = { ...third.session.encryption!, earlierKeys: [sealedSecond, sealedFirst] };
  const lied = await SessionKeys.of({ ...third.session, encryption: turned }, third.key);
  expect([await opened(lied, after), await opened(lied, before)]).toEqual(["after", ""]);
  expect(await why(lied, before)).toBe("key 1 is missing");
});

test("who hears that the key was changed says nothing with the old one, whatever the server takes", async () => {
  const ben = await SessionKeys.of(session, first);
  await ben.seal(chat("x"), "ben");
  await ben.open(chat("", { messageType: "system", metadata: { event: "rekeyed", epoch: "2" } }));
  expect(ben.isOutdated).toBe(true);
  await expect(ben.seal(chat("x"), "ben")).rejects.toThrow("number 2 is in force");
});

test("a session has at most 64 keys, and the last one opens what was said with each", async () => {
  let [now, key] = [session, first];
  const said: CollaborationMessage[] = [];
  for (let epoch = 1; epoch < 64; epoch++) {
    const keys = await SessionKeys.of(now, key);
    said.push(await keys.seal(chat(String(epoch)), "ann"));
    ({ session: now, key } = await rekeyed(now, keys));
  }
  const last = await SessionKeys.of(now, key);
  expect(await Promise.all(said.map((each) => opened(last, each)))).toEqual(said.map((_, i) => String(i + 1)));
  await expect(last.next()).rejects.toThrow("has had 64 keys");
});

test("without a key what is sealed says so", async () => {
  const sealed = await ann.seal(chat("x"), "ann");
  expect(unreadableReason(await WITHOUT_KEY.open(sealed))).toBe("there is no key");
  const plain = chat("x");
  expect(await WITHOUT_KEY.open(plain)).toBe(plain);
});
