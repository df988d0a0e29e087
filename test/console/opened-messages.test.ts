/** Messages of an encrypted session as the page shows them: each opened once, in its place, and again with another key. */
import { create } from "@bufbuild/protobuf";
import { effect } from "@preact/signals";
import { expect, test } from "bun:test";
import { OpenedMessages } from "../../src/console/data/opened-messages.ts";
import {
  CollaborationMessageSchema,
  SessionSchema,
  type CollaborationMessage,
} from "../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey } from "../../src/wire/sealed-message.ts";
import { SessionKeys } from "../../src/wire/session-keys.ts";
import type { SessionCipher } from "../../src/console/data/session-cipher.ts";
import { unreadableReason } from "../../src/wire/message-cipher.ts";

const chat = (message: string, number: number) =>
  create(CollaborationMessageSchema, {
    ...{ messageType: "chat", userId: "ann", message, number: BigInt(number) },
    metadata: { client_message_id: String(number) },
  });

async function keysOf(id: string): Promise<SessionKeys> {
  const key = newSessionKey(1);
  const encryption = { epoch: 1, keyCheck: await keyCheckOf(key, id), sessionId: id };
  return SessionKeys.of(create(SessionSchema, { id, encryption }), key);
}

/** What is drawn at first, and once all of it is opened. */
async function shown(opened: OpenedMessages, messages: readonly CollaborationMessage[], cipher: SessionCipher) {
  const drawn: (readonly CollaborationMessage[])[] = [];
  await new Promise<void>((resolve) => {
    const stop = effect(() => {
      if (drawn.push(opened.of(messages, cipher)) === 2) queueMicrotask(() => (stop(), resolve()));
    });
  });
  return drawn;
}

test("messages are opened in their places, each once, and what is the same stays the same", async () => {
  const keys = await keysOf("pump-1");
  let count = 0;
  const counting = Object.assign(Object.create(keys) as SessionKeys, {
    open: (message: CollaborationMessage) => (count++, keys.open(message)),
  });
  const cipher = { kind: "open", keys: counting } as const;
  const raw = await Promise.all([1, 2, 3].map((number) => keys.seal(chat(`text ${number}`, number), "ann")));
  const opened = new OpenedMessages();
  const first = await shown(opened, raw.slice(0, 2), cipher);
  expect(first[0].map(({ message }) => message)).toEqual(["", ""]);
  expect(first.at(-1)!.map(({ message }) => message)).toEqual(["text 1", "text 2"]);
  const second = await shown(opened, raw, cipher);
  expect(second.at(-1)!.map(({ message }) => message)).toEqual(["text 1", "text 2", "text 3"]);
  // Rows that did not change are not drawn anew.
  expect([second.at(-1)![0] === first.at(-1)![0], second.at(-1)![1] === first.at(-1)![1]]).toEqual([true, true]);
  expect(count).toBe(3);
});

test("before it is opened nothing is shown that a server has put beside it; without a key it says so; in a plain session all is as it came", async () => {
  const keys = await keysOf("pump-1");
  const sealed = { ...(await keys.seal(chat("text", 1), "ann")), message: "of the server" };
  const opened = new OpenedMessages();
  const locked = await shown(opened, [sealed], { kind: "locked", why: "" });
  expect(locked.map(([{ message }]) => message)).toEqual(["", ""]);
  expect(unreadableReason(locked.at(-1)![0])).toBe("there is no key");
  // The key comes later.
  const drawn = await shown(opened, [sealed], { kind: "open", keys });
  expect(drawn.map(([{ message }]) => message)).toEqual(["", "text"]);
  const plain = [chat("text", 1)];
  expect(opened.of(plain, { kind: "plain" })).toBe(plain);
});
