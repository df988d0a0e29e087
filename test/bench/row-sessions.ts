/** Sessions: how late everybody gets everything in a large one and in many small ones, up to which rates, and what members take. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { rssBytes } from "./measure.ts";
import { awaitRest, startWatchpost, type WatchpostServer } from "./server-process.ts";
import { measureDeliveries, startBareRoom, startMembers, type Deliveries, type SessionShape } from "./session-load.ts";

const ONE_LARGE: SessionShape = { name: "1,000 in one session", sessions: 1, members: 1_000, senders: 10 };
const MANY_SMALL: SessionShape = { name: "1,000 sessions of 10", sessions: 1_000, members: 10, senders: 1 };
/** Messages a second in each session. */
const LARGE_RATE = 10;
const SMALL_RATE = 1;
const P99_MS_MAX = 50;
/** From one rate to the next, while they are kept. */
const FASTER = 1.5;
const STEPS_MAX = 12;
const IDLE_MEMBERS = [1_000, 5_000];
const IDLE_CONNECTIONS = 20;
const IDLE_KB_MAX = 30;

export const sessionsRow: BenchRow = {
  name: "sessions",
  about: "1,000 members of one session, 1,000 sessions of 10: sending to receipt, highest rates, memory of a member",
  async run(options) {
    return [
      ...(await deliveries(ONE_LARGE, LARGE_RATE, options)),
      ...(await bareRoom(options)),
      ...(await deliveries(MANY_SMALL, SMALL_RATE, options)),
      ...(await highestRate(ONE_LARGE, LARGE_RATE, options)),
      ...(await highestRate(MANY_SMALL, SMALL_RATE, options)),
      ...(await idleMembers()),
    ];
  },
};

async function deliveries(shape: SessionShape, rate: number, { quick, runs }: BenchOptions): Promise<Finding[]> {
  const all: Deliveries[] = [];
  for (let i = 0; i < runs; i++) {
    all.push(
      await withServer((server) => measured(shape, { address: server.grpc, pid: server.pid }, rate, durationMs(quick))),
    );
  }
  return [
    ...latencies(shape.name, all, true),
    {
      what: `${shape.name}: server CPU`,
      unit: "% of a core",
      runs: all.map(({ serverCpuPercent }) => serverCpuPercent),
    },
  ];
}

/** For orientation: a server that keeps nothing, checks nothing and waits for nobody. */
async function bareRoom({ quick, runs }: BenchOptions): Promise<Finding[]> {
  const all: Deliveries[] = [];
  for (let i = 0; i < runs; i++) {
    const server = await startBareRoom();
    all.push(await measured({ ...ONE_LARGE, name: "bare grpc-js room" }, server, LARGE_RATE, durationMs(quick)));
    server.stop();
  }
  const cpu = all.map(({ serverCpuPercent }) => serverCpuPercent);
  return [
    ...latencies("bare grpc-js room", all, false),
    { what: "bare grpc-js room: server CPU", unit: "% of a core", runs: cpu },
  ];
}

function latencies(name: string, all: readonly Deliveries[], isHeld: boolean): Finding[] {
  const nothing = { bar: { sign: "≤" as const, value: 0 } };
  const lost = all.map(({ missing, outOfOrder, refused, ended }) => missing + outOfOrder + refused + ended);
  return [
    { what: `${name}: p50`, unit: "ms", runs: all.map(({ p50Ms }) => p50Ms) },
    {
      what: `${name}: p99`,
      unit: "ms",
      runs: all.map(({ p99Ms }) => p99Ms),
      ...(isHeld ? { bar: { sign: "≤", value: P99_MS_MAX } } : {}),
    },
    { what: `${name}: missing, out of order or refused`, unit: "", runs: lost, ...(isHeld ? nothing : {}) },
  ];
}

async function highestRate(shape: SessionShape, begin: number, { quick }: BenchOptions): Promise<Finding[]> {
  const tried = (rate: number) =>
    withServer(({ grpc, pid }) => measured(shape, { address: grpc, pid }, rate, durationMs(quick) / 2));
  let kept = { rate: 0, perSecond: 0 };
  for (let step = 0, rate = begin; step < STEPS_MAX; step++, rate *= FASTER) {
    let found = await tried(rate);
    // Others on this machine may have been what was in the way.
    if (!isKept(found)) found = await tried(rate);
    if (!isKept(found)) break;
    kept = { rate: rate * shape.sessions, perSecond: found.perSecond };
  }
  return [
    { what: `${shape.name}: messages/s with p99 ≤ ${P99_MS_MAX} ms`, unit: "/s", runs: [kept.rate] },
    { what: `${shape.name}: deliveries/s then`, unit: "/s", runs: [kept.perSecond] },
  ];
}

function isKept({ p99Ms, missing, outOfOrder, refused, ended }: Deliveries): boolean {
  return p99Ms <= P99_MS_MAX && missing + outOfOrder + refused + ended === 0;
}

async function measured(
  shape: SessionShape,
  server: { readonly address: string; readonly pid: number },
  rate: number,
  forMs: number,
): Promise<Deliveries> {
  const found = await measureDeliveries(server, shape, rate, forMs);
  const { p50Ms, p99Ms, maxMs, perSecond, readers, senders, serverCpuPercent } = found;
  const { missing, outOfOrder, refused, ended } = found;
  const wrong = { missing, "out of order": outOfOrder, refused, ended };
  const counted = Object.entries(wrong).flatMap(([what, count]) => (count === 0 ? [] : [`; ${count} ${what}`]));
  say(
    `${shape.name}, ${(rate * shape.sessions).toFixed(0)} messages/s: p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)}, max ${maxMs.toFixed(2)} ms; ` +
      `${perSecond.toFixed(0)} deliveries/s; server CPU ${serverCpuPercent.toFixed(0)} %; ` +
      `readers CPU ${readers.cpuPercent.toFixed(0)} %, lag p99 ${readers.lagP99Ms.toFixed(1)} ms; ` +
      `senders CPU ${senders.cpuPercent.toFixed(0)} %, late ${senders.lateMs.toFixed(1)} ms at most${counted.join("")}`,
  );
  return found;
}

/** Of the same server, with more and more of them. */
async function idleMembers(): Promise<Finding[]> {
  const idle: { kill(): void }[] = [];
  return withServer(async (server) => {
    try {
      await awaitRest(server);
      const before = rssBytes(server.pid);
      const findings: Finding[] = [];
      const rssMb: number[] = [];
      for (const [i, members] of IDLE_MEMBERS.entries()) {
        const startMs = performance.now();
        idle.push(await joinIdle(server.grpc, members - (IDLE_MEMBERS[i - 1] ?? 0), `idle-${i}`));
        const joinMs = performance.now() - startMs;
        await awaitRest(server);
        const rss = rssBytes(server.pid);
        const eachKb = (rss - before) / members / 1e3;
        say(
          `${members} idle members: RSS ${(rss / 1e6).toFixed(1)} MB, ${(before / 1e6).toFixed(1)} before: ` +
            `${eachKb.toFixed(1)} kB each; the last of them had joined after ${(joinMs / 1e3).toFixed(1)} s`,
        );
        const what = `RSS of one of ${members.toLocaleString("en-US")} idle members`;
        findings.push({ what, unit: "kB", runs: [eachKb], bar: { sign: "≤", value: IDLE_KB_MAX } });
        rssMb.push(rss / 1e6);
      }
      // The first ones also pay for what any work makes a server take.
      const [[few, many], [first, last]] = [IDLE_MEMBERS, rssMb];
      const moreKb = ((last - first) * 1e3) / (many - few);
      findings.push({ what: `RSS of one more, from ${few.toLocaleString("en-US")} on`, unit: "kB", runs: [moreKb] });
      return findings;
    } finally {
      for (const members of idle) members.kill();
    }
  });
}

async function joinIdle(address: string, members: number, prefix: string): Promise<{ kill(): void }> {
  const config = { address, sessions: 1, members, prefix, connections: IDLE_CONNECTIONS };
  const joined = startMembers({ ...config, messagesPerSecond: 0, warmUpMs: 0, durationMs: 0, afterMs: 0 });
  await joined.ready;
  return joined;
}

async function withServer<T>(run: (server: WatchpostServer) => Promise<T>): Promise<T> {
  const data = tempDir("sessions");
  try {
    const server = await startWatchpost({ data });
    try {
      return await run(server);
    } finally {
      await server.stop();
    }
  } finally {
    removeDir(data);
  }
}

function durationMs(quick: boolean): number {
  return quick ? 8_000 : 20_000;
}
