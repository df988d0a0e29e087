/** Another implementation, Debian's python3-cryptography, made from docs/sessions.md: it reads what is sealed here, and is read here. */
import { expect } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { createSession, getSession, lastMessages, rekeySession, sendMessage } from "../../src/client/sessions.ts";
import { create } from "@bufbuild/protobuf";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey } from "../../src/wire/sealed-message.ts";
import { SessionKeys } from "../../src/wire/session-keys.ts";
import { testNeeding, working } from "../support/needs.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const PYTHON = "/usr/bin/python3";
const missing = working("python3-cryptography", [PYTHON, "-c", "import cryptography"]);
const sessionId = "Prüfstand";

testNeeding([missing])("it reads what was said under each key, and what it says is read", async () => {
  using dir = tempDir("sealed");
  const server = await startServerProcess({ data: join(dir.path, "data") });
  const connection = new Connection(server.grpc);
  try {
    const say = async (keys: SessionKeys, message: string, id: string) => {
      const metadata = { client_message_id: id };
      const draft = create(CollaborationMessageSchema, { messageType: "chat", message, metadata });
      await sendMessage(connection, {
        sessionId,
        userId: "ann",
        clientMessageId: id,
        draft: await keys.seal(draft, "ann"),
      });
    };
    const first = newSessionKey(1);
    const keyCheck = await keyCheckOf(first, sessionId);
    const before = await SessionKeys.of(await createSession(connection, { sessionId, userId: "ann", keyCheck }), first);
    await say(before, "heiß 🔥", "1");
    const { key, text, ...next } = await before.next();
    const { epoch, keyCheck: check, earlierKey } = next;
    await rekeySession(connection, { sessionId, userId: "ann", epoch, keyCheck: check, earlierKey });
    const keys = await SessionKeys.of(await getSession(connection, sessionId), key);
    await say(keys, "kalt", "2");

    const link = `/sessions/${sessionId}#key=${text}`;
    const child = Bun.spawn([PYTHON, join(import.meta.dir, "sealed_client.py"), server.http, link], { stderr: "pipe" });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([await child.exited, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toEqual([
      ["ann", "heiß 🔥"],
      ["ann", "kalt"],
    ]);
    const [last] = await lastMessages(connection, sessionId, 1);
    const opened = await keys.open(last);
    expect([opened.userId, opened.message]).toEqual(["python", "grüße"]);
  } finally {
    connection.close();
    await server.stop();
  }
});
