/**
 * Members of sessions, in their own process: they join, read everything, and send where they are asked to.
 * `bun session-members.ts CONFIG_JSON`. Of what comes only the number and the text are read, so that members cost little.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { Http2Client } from "./http2-client.ts";
import { percentile } from "./measure.ts";
import { readMessage, sentText, type ReadMessage } from "./session-text.ts";

export interface SessionMembersConfig {
  readonly address: string;
  /** Named by their place: other processes have members in the same ones. */
  readonly sessions: number;
  /** In each session. */
  readonly members: number;
  /** Of their names. */
  readonly prefix: string;
  readonly connections: number;
  /** Sent to each session by all its members here, in turns; 0: they only read. */
  readonly messagesPerSecond: number;
  /** Before the measurement, with the same load. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** For what is still under way then. */
  readonly afterMs: number;
}

export interface SessionMembersResult {
  readonly sent: number;
  /** Behind its time, at most. */
  readonly lateMs: number;
  /** Messages that were sent by members, as they came to all members here. */
  readonly received: number;
  /** Messages whose number is not the next one of their session. */
  readonly outOfOrder: number;
  /** Answers that say so. */
  readonly refused: number;
  /** Streams that the server has ended. */
  readonly ended: number;
  /** From the call that sends to the receipt, after the warm-up. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of a core. */
  readonly cpuPercent: number;
  /** Of a timer here: what this process adds to every figure. */
  readonly lagP99Ms: number;
}

interface Member {
  readonly client: Http2Client;
  readonly call: number;
  /** Number of its last message; 0: it has had none. */
  last: number;
  isHere: boolean;
}

const PATH = "/analytics.Collaboration/JoinSession";
const LAG_EVERY_MS = 10;

const config = JSON.parse(process.argv[2]) as SessionMembersConfig;
const { sessions, messagesPerSecond } = config;
const isSending = messagesPerSecond > 0;
const clients = await Promise.all(
  Array.from({ length: config.connections }, () => Http2Client.connect(config.address)),
);
/** Of one session after the other, one member each, then the next ones. */
const members: Member[] = [];
const allHere = Promise.withResolvers<void>();
let here = 0;
let isMeasured = false;
const latencyMs: number[] = [];
let [received, outOfOrder, refused, ended] = [0, 0, 0, 0];
const read: ReadMessage = { number: 0, sentMs: -1, hasCursor: false };

for (let i = 0; i < sessions * config.members; i++) members.push(join(i));
await allHere.promise;
console.log(JSON.stringify({ ready: true }));
const lines = console[Symbol.asyncIterator]();
if ((await lines.next()).done) process.exit(1);
void lines.next().then(() => process.exit(1));

isMeasured = true;
const startMs = nowMs();
const startCpu = process.cpuUsage();
const lagMs: number[] = [];
let lastTickMs = startMs;
setInterval(() => {
  const tickMs = nowMs();
  lagMs.push(Math.max(0, tickMs - lastTickMs - LAG_EVERY_MS));
  lastTickMs = tickMs;
}, LAG_EVERY_MS);
const { sent, lateMs } = isSending ? await sendAll() : { sent: 0, lateMs: 0 };
await Bun.sleep(Math.max(0, startMs + config.warmUpMs + config.durationMs + config.afterMs - nowMs()));
const { user, system } = process.cpuUsage(startCpu);
const result: SessionMembersResult = {
  sent,
  lateMs,
  received,
  outOfOrder,
  refused,
  ended,
  p50Ms: percentile(latencyMs, 50),
  p99Ms: percentile(latencyMs, 99),
  maxMs: percentile(latencyMs, 100),
  cpuPercent: (user + system) / 10 / (nowMs() - startMs),
  lagP99Ms: percentile(lagMs, 99),
};
console.log(JSON.stringify({ result }));
// The others here may still be measured: a stream that ends is told to them.
await Bun.sleep(1e9);

function join(i: number): Member {
  const client = clients[i % clients.length];
  const call = client.call(PATH, {
    onMessage: (bytes) => take(member, bytes),
    onEnd: () => end(new Error("the server has ended it")),
    onError: end,
  });
  const member: Member = { client, call, last: 0, isHere: false };
  const first = create(CollaborationMessageSchema, {
    sessionId: `bench-${i % sessions}`,
    userId: `${config.prefix}-${i}`,
    messageType: "join",
  });
  client.sendMessage(call, toBinary(CollaborationMessageSchema, first), false);
  return member;
}

function end(error: Error): void {
  if (!isMeasured) {
    console.error(`a member could not join: ${error.message}`);
    process.exit(1);
  }
  ended++;
}

function take(member: Member, bytes: Uint8Array): void {
  const atMs = nowMs();
  readMessage(bytes, read);
  const { number, sentMs, hasCursor } = read;
  if (number > 0) {
    // What a member sends does not come back to it.
    const isNext = isSending ? number > member.last : number === member.last + 1;
    if (member.last > 0 && !isNext) outOfOrder++;
    member.last = number;
    if (sentMs < 0) return;
    received++;
    if (sentMs > 0) latencyMs.push(atMs - sentMs);
  } else if (hasCursor && !member.isHere) {
    member.isHere = true;
    if (++here === sessions * config.members) allHere.resolve();
  } else if (isSending && isMeasured) {
    const { metadata, message } = fromBinary(CollaborationMessageSchema, bytes);
    if (metadata["error"] === undefined) return;
    if (refused++ === 0) console.error(`  a message was refused: ${message}`);
  }
}

/** Each at its time, whatever has come of those before. */
async function sendAll(): Promise<{ sent: number; lateMs: number }> {
  const everyMs = 1_000 / (messagesPerSecond * sessions);
  const count = Math.floor((config.warmUpMs + config.durationMs) / everyMs);
  let next = 0;
  let latestMs = 0;
  while (next < count) {
    const untilMs = nowMs();
    for (; next < count && startMs + next * everyMs <= untilMs; next++) {
      const dueMs = startMs + next * everyMs;
      const { client, call } = members[next % members.length];
      const sentMs = nowMs();
      latestMs = Math.max(latestMs, sentMs - dueMs);
      const message = sentText(dueMs - startMs < config.warmUpMs ? 0 : sentMs, next);
      const chat = create(CollaborationMessageSchema, { messageType: "chat", message });
      client.sendMessage(call, toBinary(CollaborationMessageSchema, chat), false);
    }
    await Bun.sleep(1);
  }
  return { sent: count, lateMs: latestMs };
}

/** The same for all processes of a machine. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
