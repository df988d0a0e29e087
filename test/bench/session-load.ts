/** Members in sessions, of whom some send: what they get, and how late. */
import { join } from "node:path";
import { killAtExit } from "./cleanup.ts";
import { cpuSeconds } from "./measure.ts";
import { linesOf, startChild } from "./sender-process.ts";
import type { SessionMembersConfig, SessionMembersResult } from "./session-members.ts";

export interface SessionShape {
  readonly name: string;
  readonly sessions: number;
  /** Of each session, those who send included. */
  readonly members: number;
  /** Of each session; they are in a process of their own. */
  readonly senders: number;
}

/** Of all members. */
const CONNECTIONS = 20;
/** Those of the senders. */
const SENDER_CONNECTIONS = 2;
const WARM_UP_MS = 3_000;
/** For what is still under way when the last message has been sent. */
const AFTER_MS = 2_000;

/** The latencies are those of members who only read. */
export interface Deliveries extends Pick<SessionMembersResult, "p50Ms" | "p99Ms" | "maxMs"> {
  readonly sent: number;
  /** Receipts that there should be and are not: everybody gets what the others have sent. */
  readonly missing: number;
  /** Receipts of all. */
  readonly perSecond: number;
  readonly outOfOrder: number;
  readonly refused: number;
  /** Streams that the server has ended. */
  readonly ended: number;
  /** Of a core. */
  readonly serverCpuPercent: number;
  readonly readers: SessionMembersResult;
  readonly senders: SessionMembersResult;
}

export async function measureDeliveries(
  server: { readonly address: string; readonly pid: number },
  { sessions, members, senders }: SessionShape,
  messagesPerSecond: number,
  durationMs: number,
): Promise<Deliveries> {
  const common = { address: server.address, sessions, warmUpMs: WARM_UP_MS, durationMs, afterMs: AFTER_MS };
  const reading = startMembers({
    ...common,
    members: members - senders,
    prefix: "reader",
    connections: CONNECTIONS - SENDER_CONNECTIONS,
    messagesPerSecond: 0,
  });
  const sending = startMembers({
    ...common,
    members: senders,
    prefix: "sender",
    connections: SENDER_CONNECTIONS,
    messagesPerSecond,
  });
  try {
    await Promise.all([reading.ready, sending.ready]);
    // Those who came are told of once a second.
    await Bun.sleep(1_500);
    const [startMs, startCpu] = [performance.now(), cpuSeconds(server.pid)];
    reading.go();
    sending.go();
    await Bun.sleep(WARM_UP_MS + durationMs);
    const serverCpuPercent = ((cpuSeconds(server.pid) - startCpu) / (performance.now() - startMs)) * 1e5;
    const [readerResult, senderResult] = await Promise.all([reading.result, sending.result]);
    const { p50Ms, p99Ms, maxMs } = readerResult;
    const { sent, refused } = senderResult;
    const received = readerResult.received + senderResult.received;
    return {
      p50Ms,
      p99Ms,
      maxMs,
      sent,
      missing: Math.max(0, sent * (members - 1) - received),
      perSecond: received / ((WARM_UP_MS + durationMs) / 1_000),
      outOfOrder: readerResult.outOfOrder + senderResult.outOfOrder,
      refused,
      ended: readerResult.ended + senderResult.ended,
      serverCpuPercent,
      readers: readerResult,
      senders: senderResult,
    };
  } finally {
    reading.kill();
    sending.kill();
  }
}

export function startMembers(config: SessionMembersConfig) {
  return startChild<SessionMembersResult>("session-members.ts", config);
}

/** A server of one room, of grpc-js alone. */
export async function startBareRoom(): Promise<{ address: string; pid: number; stop(): void }> {
  const command = [process.execPath, join(import.meta.dir, "bare-room.ts")];
  const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }));
  const { value } = await linesOf(child.stdout).next();
  if (value === undefined) throw new Error(`the bare room ended with code ${await child.exited}`);
  const { address } = JSON.parse(value) as { address: string };
  return { address, pid: child.pid, stop: () => child.kill("SIGKILL") };
}
