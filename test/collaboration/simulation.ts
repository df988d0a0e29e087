/**
 * Members who join, say, say again, drop, come back, half-close and read slowly, while the disk is slow, fails and the server
 * dies: what each of them got is held against what was kept.
 */
import { messageOfEntry, type SessionMessage } from "../../src/collaboration/session-message.ts";
import type { CollaborationMessage } from "../../src/wire/gen/collaboration_pb.ts";
import { randomOf } from "../support/random.ts";
import { Rig, settle, type Member } from "./rig.ts";

const SESSIONS = ["s", "t"];
const USERS = ["ann", "ben", "cid", "dan"];
const OTHER_NAMES = [...USERS, "eve", "fay", "gus"];
const CLIENTS = 7;
const LARGE = "x".repeat(60_000);

interface Stream {
  readonly member: Member;
  /** Of what was read, so much was looked at. */
  seen: number;
  /** Texts that were sent over it without an id: it is not told them. */
  readonly untold: Set<string>;
  readonly texts: string[];
  snapshot: { readonly last: number; readonly numbers: number[] } | null;
  isHalfClosed: boolean;
}

/** One tab of a user. */
interface Client {
  readonly name: string;
  userId: string;
  readonly sessionId: string;
  stream: Stream | null;
  cursor: string;
  /** Everything up to here was got. */
  number: number;
  /** Texts by id, of what is not confirmed. */
  readonly pending: Map<string, string>;
  readonly confirmed: Map<string, string>;
}

export interface SimulationOptions {
  readonly steps: number;
  readonly messagesPerSecond?: number;
  /** Whether members go on under other names. */
  readonly isRenaming?: boolean;
}

export class Simulation {
  readonly #random: () => number;
  readonly #rig: Rig;
  readonly #options: SimulationOptions;
  readonly #clients: Client[];
  readonly #kept = new Map<string, SessionMessage[]>(SESSIONS.map((id) => [id, []]));
  /** What SendMessage answered: session, number and text. */
  readonly #answered: { readonly sessionId: string; readonly number: number; readonly text: string }[] = [];
  readonly #done: string[] = [];
  #entries = 0;
  #texts = 0;
  confirmations = 0;
  resumptions = 0;
  crashes = 0;
  renamings = 0;

  /** Throws what is wrong, with what was done last. */
  static async run(seed: number, options: SimulationOptions): Promise<Simulation> {
    const { messagesPerSecond = 10_000 } = options;
    await using rig = await Rig.open({ stepped: true, messagesPerSecond });
    const simulation = new Simulation(rig, randomOf(seed), options);
    try {
      await simulation.#run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${simulation.#done.slice(-25).join("\n")}`, {
        cause: error,
      });
    }
    return simulation;
  }

  private constructor(rig: Rig, random: () => number, options: SimulationOptions) {
    this.#rig = rig;
    this.#random = random;
    this.#options = options;
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => ({
      name: `${USERS[i % USERS.length]}/${i}`,
      userId: USERS[i % USERS.length],
      sessionId: SESSIONS[i % 3 === 2 ? 1 : 0],
      stream: null,
      cursor: "",
      number: 0,
      pending: new Map(),
      confirmed: new Map(),
    }));
  }

  /** Numbered messages of all sessions. */
  get messages(): number {
    return [...this.#kept.values()].reduce((sum, { length }) => sum + length, 0);
  }

  async #run(): Promise<void> {
    for (let step = 0; step < this.#options.steps; step++) {
      await this.#act();
      // Now and then much happens before anybody gets to his turn.
      if (this.#random() < 0.6) await settle();
      this.#look();
    }
    await this.#calm();
    this.#checkAll();
  }

  async #act(): Promise<void> {
    const rig = this.#rig;
    const client = this.#one(this.#clients);
    const dice = this.#random() * 100;
    if (dice < 25) return rig.journal.stepCommit();
    if (dice < 45) return rig.journal.stepRead();
    if (client.stream === null) return this.#join(client);
    if (dice < 60) return this.#say(client);
    if (dice < 66) return this.#sayAgain(client);
    if (dice < 72) return this.#sendBeside(client);
    if (dice < 74) return client.stream.member.send({ messageType: "typing" });
    if (dice < 78) return this.#drop(client);
    if (dice < 80) return this.#halfClose(client);
    if (dice < 84) return client.stream.member.pause();
    if (dice < 88) return client.stream.member.resume();
    if (dice < 93) return this.#wait();
    if (dice < 95) return this.#fail(!rig.journal.isFailing);
    if (dice < 95.5) return this.#flood(client);
    if (dice < 96.5) return this.#crash();
    if (dice < 97) return this.#restart();
    if (dice < 99 && this.#options.isRenaming) return this.#rename(client);
  }

  /** Over a stream that takes the place of the one before. */
  #rename(client: Client): void {
    const { stream, userId } = client;
    const { metadata } = stream!.member.got.findLast((each) => each.metadata["stream_id"] !== undefined) ?? {};
    if (metadata === undefined || stream!.isHalfClosed) return;
    client.userId = this.#one(OTHER_NAMES.filter((name) => name !== userId));
    this.#did(`${client.name} is ${client.userId} from now on`);
    this.#lookAt(client);
    client.cursor = "";
    this.#join(client, metadata["stream_id"]);
  }

  #join(client: Client, insteadOf = ""): void {
    const last = this.#one([0, 3, 50, 200]);
    const isResumed = client.cursor !== "" && this.#random() < 0.9;
    this.#did(`${client.name} joins ${isResumed ? `behind ${client.cursor}` : `with the last ${last}`}`);
    const member = this.#rig.openStream();
    const metadata: Record<string, string> = isResumed ? { cursor: client.cursor } : { last: String(last) };
    if (insteadOf !== "") metadata["instead_of"] = insteadOf;
    member.send({ userId: client.userId, sessionId: client.sessionId, metadata });
    const snapshot = isResumed ? null : { last, numbers: [] };
    client.stream = { member, seen: 0, untold: new Set(), texts: [], snapshot, isHalfClosed: false };
  }

  #say({ name, stream, pending }: Client): void {
    if (stream!.isHalfClosed) return;
    const text = `text-${++this.#texts}`;
    const id = this.#random() < 0.5 ? `id-${this.#texts}` : undefined;
    this.#did(`${name} says ${text}${id === undefined ? "" : ` as ${id}`}`);
    stream!.texts.push(text);
    if (id === undefined) stream!.untold.add(text);
    else pending.set(id, text);
    stream!.member.say(text, id);
  }

  #sayAgain({ name, stream, pending, confirmed }: Client): void {
    if (stream!.isHalfClosed) return;
    const [id, text] = this.#one([...pending, ...confirmed]) ?? [];
    if (id === undefined) return;
    this.#did(`${name} says again ${id}`);
    stream!.member.say(text!, id);
  }

  /** SendMessage, by one who is here as well. */
  #sendBeside({ name, userId, sessionId, pending }: Client): void {
    const text = `text-${++this.#texts}`;
    const again = this.#random() < 0.3 ? this.#one([...pending]) : undefined;
    const [id, sent] = again ?? [this.#random() < 0.5 ? `id-${this.#texts}` : undefined, text];
    this.#did(`${name} sends ${sent}${id === undefined ? "" : ` as ${id}`} beside`);
    if (id !== undefined) pending.set(id, sent);
    const metadata: Record<string, string> = id === undefined ? {} : { client_message_id: id };
    this.#rig.send({ userId, sessionId, message: sent, metadata }).then(
      ({ message }) => void this.#answered.push({ sessionId, number: Number(message!.number), text: sent }),
      () => {},
    );
  }

  #flood({ name, userId, sessionId }: Client): void {
    this.#did(`${name} floods`);
    for (let i = 0; i < 40; i++) {
      this.#rig.send({ userId, sessionId, message: `${++this.#texts} ${LARGE}` }).catch(() => {});
    }
  }

  #drop(client: Client): void {
    this.#did(`${client.name} drops`);
    client.stream!.member.drop();
    client.stream = null;
  }

  #halfClose({ name, stream }: Client): Promise<void> {
    this.#did(`${name} half-closes`);
    stream!.isHalfClosed = true;
    return stream!.member.end();
  }

  async #wait(): Promise<void> {
    const ms = this.#one([1, 20, 1_000, 5_000, 16_000]);
    this.#did(`${ms} ms go by`);
    await this.#rig.advance(ms, 1_000);
  }

  #fail(isFailing: boolean): void {
    this.#did(`the disk ${isFailing ? "fails" : "works"}`);
    this.#rig.journal.isFailing = isFailing;
  }

  async #crash(): Promise<void> {
    const committed = this.#one([0, 1]);
    this.#did(`the server dies; ${committed} of ${this.#rig.journal.commits} commits reach the disk`);
    this.crashes++;
    this.#look();
    for (const client of this.#clients) client.stream = null;
    await this.#rig.crash(this.#one([0, 1_000, 20_000]), committed);
  }

  async #restart(): Promise<void> {
    this.#did("the server is restarted");
    this.#fail(false);
    this.#look();
    this.#rig.journal.isStepped = false;
    await this.#rig.journal.stepAll();
    await settle();
    this.#look();
    for (const client of this.#clients) client.stream = null;
    await this.#rig.restart(this.#one([0, 1_000]));
  }

  /** Everything works, everybody reads, comes back and sends again what it does not know of. */
  async #calm(): Promise<void> {
    this.#fail(false);
    this.#rig.journal.isStepped = false;
    for (let round = 0; round < 4; round++) {
      await this.#rig.journal.stepAll();
      await this.#rig.advance(20_000, 1_000);
      for (const client of this.#clients) {
        client.stream?.member.resume();
        await settle();
        this.#lookAt(client);
        if (client.stream === null) this.#join(client);
        await settle();
        this.#lookAt(client);
        if (client.stream === null || client.stream.isHalfClosed) continue;
        for (const [id, text] of client.pending) client.stream.member.say(text, id);
      }
    }
    await this.#rig.advance(3_000, 1_000);
    this.#look();
  }

  #look(): void {
    this.#readKept();
    for (const client of this.#clients) this.#lookAt(client);
  }

  #lookAt(client: Client): void {
    const { stream } = client;
    if (stream === null) return;
    this.#readKept();
    const { got, ended } = stream.member;
    for (; stream.seen < got.length; stream.seen++) this.#check(client, stream, got[stream.seen]);
    if (ended === undefined) return;
    client.stream = null;
    this.#did(`${client.name} has ended with ${ended.status}`);
    if (ended.status === "OK") this.#checkEnded(client, stream);
    else if (ended.status !== "UNAVAILABLE")
      throw new Error(`${client.name} ended with ${ended.status}: ${ended.message}`);
  }

  #check(client: Client, stream: Stream, message: CollaborationMessage): void {
    const { metadata, cursor } = message;
    const number = Number(message.number);
    const event = metadata["event"];
    const id = metadata["client_message_id"];
    const kept = this.#kept.get(client.sessionId)!;
    const known = (mark: string) => kept.filter(({ position }) => position <= positionOf(mark)).length;
    if (metadata["error"] !== undefined && message.messageType === "system") return;
    if (event === "confirmed" && message.messageType === "system") {
      const { text, metadata: given } = kept[number - 1];
      const wanted = client.pending.get(id) ?? client.confirmed.get(id);
      if (text !== wanted || given["client_message_id"] !== id)
        throw new Error(`${client.name}: ${number} is not ${id}`);
      client.pending.delete(id);
      client.confirmed.set(id, text);
      this.confirmations++;
      if (cursor !== "") this.#goOn(client, stream, number, cursor);
    } else if (event === "snapshot_end") {
      const { last, numbers } = stream.snapshot!;
      const count = known(cursor);
      const wanted = Array.from({ length: Math.min(last, count) }, (_, i) => count - Math.min(last, count) + 1 + i);
      if (!Bun.deepEquals(numbers, wanted))
        throw new Error(`${client.name}: the snapshot has ${numbers}; wanted ${wanted}`);
      stream.snapshot = null;
      client.number = count;
      client.cursor = cursor;
    } else if (event === "resumed") {
      if (known(cursor) !== client.number)
        throw new Error(`${client.name}: resumed at ${client.number} of ${known(cursor)}`);
      client.cursor = cursor;
      this.resumptions++;
    } else if (number > 0) {
      const { text, userId } = kept[number - 1];
      if (text !== message.message || userId !== message.userId)
        throw new Error(`${client.name}: ${number} is another message`);
      if (stream.snapshot !== null) stream.snapshot.numbers.push(number);
      else this.#goOn(client, stream, number, cursor);
    }
  }

  /** It has got all up to `number`, but for what it sent itself. */
  #goOn(client: Client, stream: Stream, number: number, cursor: string): void {
    if (number <= client.number) throw new Error(`${client.name}: got ${number} after ${client.number}`);
    this.#checkUntold(client, stream, number - 1);
    client.number = number;
    client.cursor = cursor;
  }

  #checkUntold({ name, sessionId, number }: Client, { untold }: Pick<Stream, "untold">, through: number): void {
    const missed = this.#kept.get(sessionId)!.slice(number, through);
    const lost = missed.find(({ text }) => !untold.has(text));
    if (lost !== undefined)
      throw new Error(`${name}: lost ${lost.number} ("${lost.text.slice(0, 50)}") after ${number}`);
  }

  /** Everything that was sent over a stream that ended well was kept or refused. */
  #checkEnded({ name, sessionId }: Client, { member, texts, isHalfClosed }: Stream): void {
    if (!isHalfClosed) throw new Error(`${name}: ended, though it had not half-closed`);
    const kept = new Set(this.#kept.get(sessionId)!.map(({ text }) => text));
    const lost = texts.filter((text) => !kept.has(text));
    if (lost.length > member.refusals.length) throw new Error(`${name}: lost ${lost}`);
  }

  #checkAll(): void {
    for (const [sessionId, kept] of this.#kept) {
      const ids = kept.flatMap(({ userId, metadata }) =>
        metadata["client_message_id"] === undefined ? [] : [`${userId} ${metadata["client_message_id"]}`],
      );
      if (new Set(ids).size < ids.length) throw new Error(`a message was kept twice in ${sessionId}: ${ids}`);
      this.#checkComings(sessionId, kept);
    }
    for (const { sessionId, number, text } of this.#answered) {
      if (this.#kept.get(sessionId)![number - 1]?.text !== text)
        throw new Error(`${number} of ${sessionId} is not ${text}`);
    }
    for (const client of this.#clients) {
      if (client.pending.size > 0) throw new Error(`${client.name}: never confirmed ${[...client.pending.keys()]}`);
      if (client.stream === null) throw new Error(`${client.name} could not come back`);
      this.#checkUntold(client, client.stream, Infinity);
    }
    const { streams } = this.#rig.collaboration.rooms;
    if (streams !== CLIENTS) throw new Error(`${streams} streams are in sessions`);
    const trouble = this.#rig.trouble.filter((sentence) => !sentence.includes("the disk fails"));
    if (trouble.length > 0) throw new Error(trouble.join());
  }

  /** Each comes before it goes, and goes before it comes again. */
  #checkComings(sessionId: string, kept: readonly SessionMessage[]): void {
    const here = new Set<string>();
    for (const { number, metadata, members = [] } of kept) {
      const { event, was = "" } = metadata;
      if (event === "renamed") {
        this.renamings++;
        if (!here.delete(was))
          throw new Error(`${number} of ${sessionId} says that ${was} is another one, who was not here`);
        members.forEach(({ userId = "" }) => here.add(userId));
        continue;
      }
      for (const { userId = "" } of members) {
        const isWrong = event === "joined" ? here.has(userId) : !here.delete(userId);
        if (isWrong) throw new Error(`${number} of ${sessionId} says that ${userId} ${event}, who had already`);
        if (event === "joined") here.add(userId);
      }
    }
    const wanted = this.#clients.filter((client) => client.sessionId === sessionId).map(({ userId }) => userId);
    if (!Bun.deepEquals([...here].sort(), [...new Set(wanted)].sort()))
      throw new Error(`${[...here]} are in ${sessionId}`);
  }

  #readKept(): void {
    const { entries } = this.#rig.kept;
    for (; this.#entries < entries.length; this.#entries++) {
      const message = messageOfEntry(entries[this.#entries]);
      const kept = this.#kept.get(message.sessionId)!;
      kept.push(message);
      if (message.number !== kept.length)
        throw new Error(`number ${message.number} is given to message ${kept.length}`);
    }
  }

  #one<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)];
  }

  #did(what: string): void {
    this.#done.push(what);
  }
}

function positionOf(cursor: string): number {
  return Number(cursor.slice("cursor-".length));
}
