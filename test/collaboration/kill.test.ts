/** kill -9 while members talk: what was confirmed is there, once, and all get the same in one order. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { ask } from "../../src/client/ask.ts";
import { Connection } from "../../src/client/connection.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  type CollaborationMessage,
} from "../../src/wire/gen/collaboration_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { until } from "./drivers.ts";

const M = Collaboration.method;
const KILLS = 4;
const SESSION = "s";

/** One who talks over however many connections it takes, sends again what is not confirmed, and goes on from its cursor. */
class Talker {
  readonly userId: string;
  /** By number. */
  readonly got = new Map<number, CollaborationMessage>();
  readonly unconfirmed = new Map<string, string>();
  readonly confirmed = new Map<string, number>();
  readonly wrong: string[] = [];
  cursor = "";
  /** All it was told of, but for what it sent itself. */
  number = 0;
  isTalking = true;
  isClosed = false;
  #texts = 0;
  #call: ReturnType<Connection["bidiStream"]> | undefined;
  readonly #random: () => number;

  constructor(userId: string, random: () => number) {
    this.userId = userId;
    this.#random = random;
  }

  /** Resolves when it is closed. */
  async run(connection: Connection): Promise<void> {
    while (!this.isClosed) {
      await this.#once(connection);
      await Bun.sleep(10);
    }
  }

  close(): void {
    this.isClosed = true;
    this.#call?.cancel();
  }

  #once(connection: Connection): Promise<void> {
    const call = (this.#call = connection.bidiStream(M.joinSession));
    const write = (message: object) =>
      void call.write(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message)));
    const say = (id: string, message: string) => write({ message, metadata: { client_message_id: id } });
    write({ userId: this.userId, sessionId: SESSION, metadata: this.cursor === "" ? {} : { cursor: this.cursor } });
    return new Promise((resolve) => {
      let pump: Timer | undefined;
      const begin = () => {
        for (const [id, text] of this.unconfirmed) say(id, text);
        pump = setInterval(() => {
          if (!this.isTalking || this.unconfirmed.size > 50) return;
          const id = `${this.userId}-${++this.#texts}`;
          this.unconfirmed.set(id, `text of ${id}`);
          say(id, `text of ${id}`);
          if (this.#random() < 0.1) say(id, `text of ${id}`);
        }, 2);
      };
      call.on("data", (bytes: Uint8Array) => {
        const message = fromBinary(CollaborationMessageSchema, bytes);
        this.#take(message);
        const event = message.metadata["event"];
        if (event === "snapshot_end" || event === "resumed") begin();
      });
      const end = () => {
        clearInterval(pump);
        resolve();
      };
      call.on("error", end);
      call.on("end", end);
    });
  }

  #take(message: CollaborationMessage): void {
    const number = Number(message.number);
    const id = message.metadata["client_message_id"] ?? "";
    if (message.metadata["event"] === "confirmed") {
      if (this.confirmed.has(id) && this.confirmed.get(id) !== number) this.wrong.push(`${id} is ${number} as well`);
      this.confirmed.set(id, number);
      this.unconfirmed.delete(id);
      if (message.cursor !== "") this.#goOn(number);
    } else if (number > 0) {
      if (this.got.has(number)) this.wrong.push(`got ${number} twice`);
      this.got.set(number, message);
      this.#goOn(number);
    }
    if (message.cursor !== "") this.cursor = message.cursor;
  }

  #goOn(number: number): void {
    if (this.number > 0 && number !== this.number + 1) this.wrong.push(`got ${number} after ${this.number}`);
    this.number = number;
  }
}

test("killed again and again: what was confirmed is there once, and nobody misses or repeats anything", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  console.log(`collaboration kill: seed ${seed}`);
  const random = randomOf(seed);
  using dir = tempDir("collaboration-kill");
  const options = {
    data: join(dir.path, "data"),
    args: ["--grpc", `127.0.0.1:${ownPort()}`],
    env: { WATCHPOST_SESSIONS_MESSAGES_PER_SECOND: "10000" },
  };
  let server: ServerProcess = await startServerProcess(options);
  const connections = Array.from({ length: 3 }, () => new Connection(server.grpc));
  const talkers = ["ann", "ben", "cid"].map((userId) => new Talker(userId, random));
  const running = talkers.map((talker, i) => talker.run(connections[i]));
  const confirmedAt: number[] = [];
  const confirmed = () => talkers.reduce((sum, talker) => sum + talker.confirmed.size, 0);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = confirmed();
    await until("somebody is heard", () => confirmed() > before + 20);
    await Bun.sleep(random() * 300);
    confirmedAt.push(confirmed());
    server.kill("SIGKILL");
    await server.exited;
    server = await startServerProcess(options);
  }
  const before = confirmed();
  await until("all are back", () => confirmed() > before + 20);
  talkers.forEach((talker) => (talker.isTalking = false));
  await until("all is confirmed", () => talkers.every(({ unconfirmed }) => unconfirmed.size === 0));
  const { session } = await ask(connections[0], M.getSession, { sessionId: SESSION }, {});
  const last = Number(session!.messages);
  await until("all is told", () => talkers.every(({ number }) => number === last));

  const hint = `seed ${seed}`;
  const kept: CollaborationMessage[] = [];
  for (let page = ""; ;) {
    const { messages, more } = await ask(
      connections[0],
      M.listMessages,
      { sessionId: SESSION, before: page, limit: 1_000 },
      {},
    );
    kept.unshift(...messages);
    if (!more) break;
    page = messages[0].cursor;
  }
  expect({ hint, numbers: kept.map(({ number }) => Number(number)) }).toEqual({
    hint,
    numbers: Array.from({ length: last }, (_, i) => i + 1),
  });
  const ids = kept.flatMap(({ metadata }) => metadata["client_message_id"] ?? []);
  expect({ hint, doubles: ids.filter((id, i) => ids.indexOf(id) < i) }).toEqual({ hint, doubles: [] });
  expect(ids.length).toBe(confirmed());
  expect(confirmedAt[0]).toBeGreaterThan(20);
  for (const { userId, wrong, got, confirmed: own } of talkers) {
    expect({ hint, userId, wrong }).toEqual({ hint, userId, wrong: [] });
    for (const [id, number] of own) {
      expect(kept[number - 1]).toMatchObject({ userId, message: `text of ${id}`, metadata: { client_message_id: id } });
    }
    for (const [number, message] of got) expect(message.message).toBe(kept[number - 1].message);
  }
  // Nobody was away for long: one member each, told of once.
  const comings = kept.filter(({ messageType }) => messageType === "system");
  expect(comings.filter(({ metadata }) => metadata["event"] !== "joined")).toEqual([]);
  expect(comings.flatMap(({ members }) => members.map(({ userId }) => userId)).sort()).toEqual(["ann", "ben", "cid"]);
  expect(server.log().filter(({ level, err }) => err !== undefined || level === "error")).toEqual([]);
  talkers.forEach((talker) => talker.close());
  await Promise.all(running);
  connections.forEach((connection) => connection.close());
  await server.stop();
}, 120_000);
