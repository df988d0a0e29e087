/** Encrypted sessions as the server has them: it takes, keeps and hands on what it cannot read, and nothing that it could. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { checkEncryption } from "../../src/collaboration/sealed-chat.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  EncryptionSchema,
  SealedSchema,
  type CollaborationMessage,
  type Encryption,
  type RekeySessionRequestSchema,
  type Session,
} from "../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey, type SessionKey } from "../../src/wire/sealed-message.ts";
import { SessionKeys } from "../../src/wire/session-keys.ts";
import { Rig, settle } from "./rig.ts";

const M = Collaboration.method;
const KIB = 1024;
type Rekey = MessageInitShape<typeof RekeySessionRequestSchema>;

interface Made {
  readonly key: SessionKey;
  readonly keys: SessionKeys;
  readonly session: Session;
}

async function made(rig: Rig, sessionId = "secret"): Promise<Made> {
  const key = newSessionKey(1);
  const request = { sessionId, userId: "ann", keyCheck: await keyCheckOf(key, sessionId) };
  const { session } = await rig.ask(M.createSession, request);
  return { key, session: session!, keys: await SessionKeys.of(session!, key) };
}

let count = 0;
async function sealed(keys: SessionKeys, userId: string, text: string, id = `id-${++count}`) {
  const message = { messageType: "chat", message: text, sessionId: "secret", metadata: { client_message_id: id } };
  return keys.seal(create(CollaborationMessageSchema, message), userId);
}

const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "",
    (error: Error) => error.message,
  );

test("what is said in one is kept, told, listed and shown once more as it came, and confirmed once", async () => {
  await using rig = await Rig.open();
  const { keys } = await made(rig);
  const ann = await rig.join("ann", { sessionId: "secret" });
  const ben = await rig.join("ben", { sessionId: "secret" });
  ann.send(await sealed(keys, "ann", "bearing 2", "once"));
  await settle();
  ann.send(await sealed(keys, "ann", "bearing 2", "once"));
  await rig.send(await sealed(keys, "gw", "restarted"));
  await settle();
  expect([ann.refusals, ben.refusals]).toEqual([[], []]);
  expect(ann.events.filter((event) => event === "confirmed")).toHaveLength(2);
  const texts = async (messages: readonly (typeof ben.kept)[number][]) => {
    const all = await Promise.all(messages.filter((each) => each.sealed).map((each) => keys.open(each)));
    return all.map(({ userId, message }) => `${userId}: ${message}`);
  };
  const said = ["ann: bearing 2", "gw: restarted"];
  expect(await texts(ben.kept)).toEqual(said);
  expect(await texts((await rig.ask(M.listMessages, { sessionId: "secret" })).messages)).toEqual(said);
  await rig.restart();
  const late = await rig.join("eve", { sessionId: "secret" });
  expect(await texts(late.kept)).toEqual(said);
  expect(late.kept.filter(({ message }) => message.includes("bearing"))).toEqual([]);
  const { session } = await rig.ask(M.getSession, { sessionId: "secret" });
  expect([session!.encryption!.epoch, session!.encryption!.sessionId]).toEqual([1, "secret"]);
});

const sizes = (nonceBytes: number, bytes: number, epoch: number) =>
  create(SealedSchema, { nonce: new Uint8Array(nonceBytes), ciphertext: new Uint8Array(bytes), epoch });

const WRONG: readonly (readonly [what: string, change: Partial<CollaborationMessage>, says: string])[] = [
  ["text beside it", { message: "x" }, 'message is "1 characters"; wanted "" beside sealed'],
  ["an action", { messageType: "action" }, "wanted chat or update, where a message is sealed"],
  ["an issue", { messageType: "issue" }, "wanted chat or update"],
  ["no id", { metadata: {} }, "wanted an id: the message is sealed with it"],
  ["more metadata", { metadata: { client_message_id: "x", note: "pump" } }, "client_message_id alone"],
  ["the name of another", { userId: "eve" }, 'user_id is "eve"; wanted "ann", who sends it'],
  ["a key that is not in force", { sealed: sizes(12, 17, 2) }, "sealed with key 2; session secret has key 1 in force"],
  ["no number of a key", { sealed: sizes(12, 17, 0) }, "sealed with key 0"],
  ["a short nonce", { sealed: sizes(11, 17, 1) }, 'sealed.nonce is "11 bytes"; wanted 12'],
  ["nothing in it", { sealed: sizes(12, 16, 1) }, "wanted 17 to 65552"],
  ["too much in it", { sealed: sizes(12, 64 * KIB + 17, 1) }, "wanted 17 to 65552"],
];

test.each(WRONG)("refused: %s; and the stream goes on", async (_what, change, says) => {
  await using rig = await Rig.open();
  const { keys } = await made(rig);
  const ann = await rig.join("ann", { sessionId: "secret" });
  ann.send({ ...(await sealed(keys, "ann", "x")), ...change });
  await settle();
  expect(ann.refusals.map(({ message }) => message)).toEqual([expect.stringContaining(says)]);
  ann.send(await sealed(keys, "ann", "and on"));
  await settle();
  const { messages } = await rig.ask(M.listMessages, { sessionId: "secret" });
  expect(messages.filter(({ messageType }) => messageType !== "system")).toHaveLength(1);
});

test("what the server could read is not taken as chat there; what acts on it is", async () => {
  await using rig = await Rig.open();
  await made(rig);
  const ann = await rig.join("ann", { sessionId: "secret" });
  ann.say("plain", "1");
  ann.send({ messageType: "update", message: "plain", metadata: { client_message_id: "2" } });
  ann.send({ messageType: "issue", message: "pump is loud", metadata: { client_message_id: "3" } });
  await settle();
  const why = expect.stringContaining("session secret is encrypted: what is said in it has to be sealed");
  expect(ann.refusals.map(({ message }) => message)).toEqual([why, why]);
  expect(await refusalOf(rig.send({ userId: "gw", sessionId: "secret", message: "plain" }))).toEqual(why);
  const { messages } = await rig.ask(M.listMessages, { sessionId: "secret" });
  expect(messages.filter(({ messageType }) => messageType !== "system").map(({ message }) => message)).toEqual([
    "pump is loud",
  ]);
});

test("a session that is not encrypted takes nothing sealed; one that is there does not become encrypted", async () => {
  await using rig = await Rig.open();
  const { keys, key } = await made(rig);
  const there = { ...(await sealed(keys, "ann", "x")), sessionId: "open" };
  await rig.send({ userId: "ann", sessionId: "open", message: "plain" });
  expect(await refusalOf(rig.send(there))).toContain("session open is not encrypted, and the message is sealed");
  const request = { sessionId: "open", userId: "ann", keyCheck: await keyCheckOf(key, "open") };
  expect(await refusalOf(rig.ask(M.createSession, request))).toContain("there is a session");
  expect(await refusalOf(rig.ask(M.createSession, { ...request, sessionId: "" }))).toContain("wanted an id");
  const short = { ...request, sessionId: "new", keyCheck: new Uint8Array(15) };
  expect(await refusalOf(rig.ask(M.createSession, short))).toContain('key_check is "15 bytes"; wanted 16');
  const { key: _, ...next } = await keys.next();
  expect(await refusalOf(rig.ask(M.rekeySession, { ...next, sessionId: "open" }))).toContain("is not encrypted");
});

test("a new key: told in order, in force for what is said behind it, and one of two that are made at once", async () => {
  await using rig = await Rig.open();
  const { keys } = await made(rig);
  const ann = await rig.join("ann", { sessionId: "secret" });
  const [one, other] = [await keys.next(), await keys.next()];
  const asked = ({ key: _, ...request }: typeof one): Rekey => ({ ...request, sessionId: "secret", userId: "ann" });
  const outcomes = await Promise.all([one, other].map((next) => refusalOf(rig.ask(M.rekeySession, asked(next)))));
  expect(outcomes).toEqual(["", "the new key is number 2; session secret wants number 3"]);
  await settle();
  const [told] = ann.kept.filter(({ metadata }) => metadata["event"] === "rekeyed");
  expect([told.metadata["epoch"], told.userId]).toEqual(["2", "ann"]);
  ann.send(await sealed(keys, "ann", "too late"));
  await settle();
  expect(ann.refusals[0].message).toContain("sealed with key 1; session secret has key 2 in force");
  await rig.restart();
  const { session } = await rig.ask(M.getSession, { sessionId: "secret" });
  const newest = await SessionKeys.of(session!, one.key);
  await rig.send(await sealed(newest, "ann", "on"));
  const { messages } = await rig.ask(M.listMessages, { sessionId: "secret" });
  expect((await newest.open(messages.at(-1)!)).message).toBe("on");
  await expect(SessionKeys.of(session!, other.key)).rejects.toThrow("this is not the key");
});

test("what no key is is refused by name, and changes nothing", async () => {
  await using rig = await Rig.open();
  const { keys, session: before } = await made(rig);
  const { key: _, ...next } = await keys.next();
  const ask = (change: Partial<Rekey>) =>
    refusalOf(rig.ask(M.rekeySession, { ...next, sessionId: "secret", ...change } as Rekey));
  expect(await ask({ epoch: 3 })).toContain("the new key is number 3; session secret wants number 2");
  expect(await ask({ epoch: 1 })).toContain("wants number 2");
  expect(await ask({ keyCheck: new Uint8Array(0) })).toContain("key_check");
  const { earlierKey } = next;
  expect(await ask({ earlierKey: { ...earlierKey, epoch: 1 } })).toContain("earlier_key.epoch");
  expect(await ask({ earlierKey: { ...earlierKey, nonce: new Uint8Array(0) } })).toContain("earlier_key.nonce");
  expect(await ask({ earlierKey: { ...earlierKey, ciphertext: new Uint8Array(49) } })).toContain("wanted 48");
  expect(await ask({ sessionId: "nope" })).toContain("there is no session");
  await rig.ask(M.closeSession, { sessionId: "secret", userId: "ann" });
  expect(await ask({})).toContain("session secret is closed");
  const { session } = await rig.ask(M.getSession, { sessionId: "secret" });
  expect(session!.encryption).toEqual(before.encryption!);
});

test("the longest text that is taken in plain words is taken sealed", async () => {
  await using rig = await Rig.open();
  const { keys } = await made(rig);
  const text = "x".repeat(64 * KIB);
  const { message } = await rig.send(await sealed(keys, "ann", text));
  expect((await keys.open(message!)).message).toBe(text);
  expect(await refusalOf(rig.send(await sealed(keys, "ann", `${text}x`)))).toContain("wanted 17 to 65552");
});

const sealedKey = (nonceBytes: number, bytes: number) => sizes(nonceBytes, bytes, 2);
const IMPORTED: readonly (readonly [what: string, change: Partial<Encryption>, says: string])[] = [
  ["no number", { epoch: 0, earlierKeys: [] }, "encryption.epoch is 0; wanted 1 to 64"],
  ["a number of nothing", { epoch: 65 }, "wanted 1 to 64"],
  ["a long check", { keyCheck: new Uint8Array(17) }, 'encryption.key_check is "17 bytes"; wanted 16'],
  ["keys that are missing", { earlierKeys: [] }, "wanted 1 before key 2"],
  ["more keys than there were", { earlierKeys: [sealedKey(12, 48), sealedKey(12, 48)] }, "wanted 1 before key 2"],
  ["a key of another length", { earlierKeys: [sealedKey(12, 47)] }, "encryption.earlier_keys.ciphertext"],
  ["a nonce of another length", { earlierKeys: [sealedKey(0, 48)] }, "encryption.earlier_keys.nonce"],
  ["no id", { sessionId: "" }, "encryption.session_id"],
];

test.each(IMPORTED)("of a file is refused: %s", (_what, change, says) => {
  const good = create(EncryptionSchema, {
    epoch: 2,
    keyCheck: new Uint8Array(16),
    sessionId: "pump-1",
    earlierKeys: [sealedKey(12, 48)],
  });
  checkEncryption(good);
  expect(() => checkEncryption({ ...good, ...change })).toThrow(says);
});
