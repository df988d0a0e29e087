/** Members of a session of a server that is killed again and again. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { joinSession } from "../../src/client/join-session.ts";
import { lastMessages } from "../../src/client/sessions.ts";
import type { CollaborationMessage } from "../../src/wire/gen/collaboration_pb.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const KILLS = 3;
const MEMBERS = ["ann", "bob", "eve"];

const wordsOf = ({ number, userId, message }: CollaborationMessage) => `${number} ${userId} ${message}`;

test("what they send is kept once, each sender's in order, and all of them hear all of it in one order", async () => {
  using dir = tempDir("session-kills");
  const data = join(dir.path, "data");
  let server = await startServerProcess({ data });
  const random = randomOf(5);
  const members = MEMBERS.map((userId) => {
    const connection = new Connection(server.grpc, { random: () => 0 });
    const member = joinSession(connection, { sessionId: "kills", userId, last: 1_000 });
    const heard: CollaborationMessage[] = [];
    const reading = (async () => {
      for await (const news of member) {
        if (news.kind === "snapshot") heard.push(...news.messages);
        else if (news.kind === "message") heard.push(news.message);
      }
    })();
    return { userId, connection, member, heard, reading, sent: [] as Promise<CollaborationMessage>[] };
  });
  try {
    let isOver = false;
    const talking = members.map(async ({ userId, member, sent }) => {
      for (let i = 0; !isOver && i < 1_000; i++) {
        sent.push(member.send({ message: `${userId}-${i}` }));
        await Bun.sleep(20 + random() * 40);
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await Bun.sleep(200 + random() * 400);
      server.kill();
      await server.exited;
      server = await startServerProcess({ data, args: ["--grpc", server.grpc] });
    }
    isOver = true;
    await Promise.all(talking);
    const confirmed = await Promise.all(members.flatMap(({ sent }) => sent));
    await Promise.all(members.map(({ member }) => member.leave()));
    await Promise.all(members.map(({ reading }) => reading));
    const kept = (await lastMessages(members[0].connection, "kills", 10_000)).map(wordsOf);
    const said = kept.filter((words) => words.includes("-"));
    expect(said.toSorted()).toEqual(confirmed.map(wordsOf).sort());
    for (const { userId, heard, sent } of members) {
      const own = said.map((words) => words.split(" ")[2]).filter((text) => text.startsWith(userId));
      expect(own).toEqual(sent.map((_, i) => `${userId}-${i}`));
      // Up to when it left.
      expect(heard.map(wordsOf)).toEqual(kept.slice(0, heard.length));
      expect(heard.map(wordsOf).filter((words) => words.includes("-"))).toEqual(said);
    }
  } finally {
    for (const { connection } of members) connection.close();
    await server.stop();
  }
}, 120_000);
