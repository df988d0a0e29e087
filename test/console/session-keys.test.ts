/** Which key a page has of an encrypted session, whatever it hears meanwhile. */
import { create } from "@bufbuild/protobuf";
import { afterAll, expect, spyOn, test } from "bun:test";
import type { SessionCipher } from "../../src/console/data/session-cipher.ts";
import { SessionSchema, type Session } from "../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey, sealEarlierKey, sessionKeyText } from "../../src/wire/sealed-message.ts";

// As a page has it; nothing is asked of a server here.
const before = Object.getOwnPropertyDescriptor(globalThis, "location");
Object.defineProperty(globalThis, "location", { configurable: true, value: new URL("http://127.0.0.1:1/sessions") });
// Its types are those of a page.
const path = "../../src/console/data/session-keys.ts";
const { cipherOf, giveKey, learn } = (await import(path)) as {
  cipherOf(sessionId: string): SessionCipher | undefined;
  giveKey(session: Session, text: string): Promise<void>;
  learn(session: Session): Promise<SessionCipher>;
};

afterAll(() => {
  if (before === undefined) Reflect.deleteProperty(globalThis, "location");
  else Object.defineProperty(globalThis, "location", before);
});

test("whoever changes the key has the new one, also where the page hears of the change while it is given", async () => {
  const id = "pump-1";
  const keys = [1, 2, 3].map(newSessionKey);
  const earlierKeys = await Promise.all([0, 1].map((i) => sealEarlierKey(keys[i], keys[i + 1], id)));
  const sessionOf = async (epoch: number) => {
    const keyCheck = await keyCheckOf(keys[epoch - 1], id);
    const encryption = { epoch, keyCheck, sessionId: id, earlierKeys: earlierKeys.slice(0, epoch - 1) };
    return create(SessionSchema, { id, encryption });
  };
  const [second, third] = [await sessionOf(2), await sessionOf(3)];
  await giveKey(second, sessionKeyText(keys[1]));
  // It is heard of before the new key is given, and what one has is looked at for longer than that takes.
  const gate = Promise.withResolvers<void>();
  const { decrypt } = crypto.subtle;
  const slow = spyOn(crypto.subtle, "decrypt").mockImplementationOnce(async (...how) => {
    await gate.promise;
    return decrypt.apply(crypto.subtle, how);
  });
  const heard = learn(third);
  while (slow.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await giveKey(third, sessionKeyText(keys[2]));
  gate.resolve();
  await heard;
  slow.mockRestore();
  const cipher = cipherOf(id);
  expect(cipher?.kind === "open" && cipher.keys.text).toBe(sessionKeyText(keys[2]));
  expect(await learn(third)).toBe(cipher!);
});
