/** SubscribeAlerts: who hears what, from where on, and that nobody misses or repeats anything. */
import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { Alerts, AlertChange, AlertSchema, AlertState, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import { randomOf } from "../support/random.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const LADDER = [
  { severity: "medium", above: 80 },
  { severity: "high", above: 90 },
  { severity: "critical", above: 95 },
];
const LOAD = { name: "load", metric: "temp", condition: { ladder: { steps: LADDER } } };

async function rigOf(...rules: object[]): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(...rules);
  return rig;
}

async function send(rig: AlertsRig, value: number, source = "a"): Promise<void> {
  await rig.advance(10_000);
  await rig.send({ metric: "temp", source, value });
}

describe("of one alert's life", () => {
  const life: readonly (readonly [string, (rig: AlertsRig) => Promise<unknown>])[] = [
    ["fires", (rig) => send(rig, 81)],
    ["rises to high", (rig) => send(rig, 92)],
    ["is acknowledged", (rig) => call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1" })],
    ["falls to medium", (rig) => send(rig, 85)],
    ["rises to high", (rig) => send(rig, 92)],
    ["rises to critical", (rig) => send(rig, 96)],
    ["is assigned", (rig) => call(rig, Alerts.method.assignAlert, { id: "alert-1", assignee: "bob" })],
    ["is commented", (rig) => call(rig, Alerts.method.commentAlert, { id: "alert-1", text: "hm" })],
    ["falls silent", (rig) => rig.advance(60_000)],
    ["is heard", (rig) => send(rig, 97)],
    ["falls to high", (rig) => send(rig, 93)],
    ["clears", (rig) => send(rig, 60)],
    ["is commented once more", (rig) => call(rig, Alerts.method.commentAlert, { id: "alert-1", text: "over" })],
    ["is acknowledged when it is over", (rig) => call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1" })],
    ["is assigned after all that", (rig) => call(rig, Alerts.method.assignAlert, { id: "alert-1", assignee: "eve" })],
  ];

  /** By step: what is said. */
  async function heardBy(request: object): Promise<Record<string, string>> {
    const rig = await rigOf(LOAD);
    const reader = new Reader(rig, request);
    await rig.settle();
    reader.said();
    const heard: Record<string, string> = {};
    for (const [i, [name, does]] of life.entries()) {
      await does(rig);
      await rig.settle();
      const said = reader.said().map((line) => line.replace("alert-1 ", ""));
      if (said.length > 0) heard[`${i} ${name}`] = said.join();
    }
    expect(reader.ended).toBe("");
    await reader.close();
    return heard;
  }

  test("a client of the contract hears that it fires and grows graver, while nobody has acknowledged that", async () => {
    expect(await heardBy({})).toEqual({
      "0 fires": "medium",
      "1 rises to high": "high",
      "5 rises to critical": "critical",
    });
  });

  test("or whether or not it is acknowledged", async () => {
    expect(await heardBy({ includeAcknowledged: true })).toEqual({
      "0 fires": "medium",
      "1 rises to high": "high",
      "4 rises to high": "high ack",
      "5 rises to critical": "critical",
    });
  });

  test("or some severities", async () => {
    expect(await heardBy({ severities: ["critical"] })).toEqual({ "5 rises to critical": "critical" });
    expect(await heardBy({ severities: ["medium", "low"] })).toEqual({ "0 fires": "medium" });
  });

  test("with updates, of everything but what was acknowledged, and once that it leaves", async () => {
    expect(await heardBy({ updates: true })).toEqual({
      "0 fires": "fired medium",
      "1 rises to high": "severity_rose high",
      "2 is acknowledged": "acknowledged high ack removed",
      "5 rises to critical": "severity_rose critical",
      "6 is assigned": "assigned critical",
      "7 is commented": "commented critical",
      "8 falls silent": "stale critical",
      "9 is heard": "heard critical",
      "10 falls to high": "severity_fell high",
      "11 clears": "cleared high removed",
      "12 is commented once more": "commented high",
      "13 is acknowledged when it is over": "acknowledged high ack removed",
    });
  });

  test("with updates of some severities, of what enters and leaves them", async () => {
    expect(await heardBy({ updates: true, includeAcknowledged: true, severities: ["high"] })).toEqual({
      "1 rises to high": "severity_rose high",
      "2 is acknowledged": "acknowledged high ack",
      "3 falls to medium": "severity_fell medium ack removed",
      "4 rises to high": "severity_rose high ack",
      "5 rises to critical": "severity_rose critical removed",
      "10 falls to high": "severity_fell high",
      "11 clears": "cleared high removed",
      "12 is commented once more": "commented high",
      "13 is acknowledged when it is over": "acknowledged high ack",
      "14 is assigned after all that": "assigned high ack",
    });
  });

  test("of other rules and sources, nothing", async () => {
    expect(await heardBy({ updates: true, rules: ["lo?d"], sources: ["a"], severities: ["critical"] })).toEqual({
      "5 rises to critical": "severity_rose critical",
      "6 is assigned": "assigned critical",
      "7 is commented": "commented critical",
      "8 falls silent": "stale critical",
      "9 is heard": "heard critical",
      "10 falls to high": "severity_fell high removed",
    });
    expect(await heardBy({ updates: true, rules: ["roa*"] })).toEqual({});
    expect(await heardBy({ updates: true, sources: ["b", "c*"] })).toEqual({});
  });
});

test("published alerts are heard of as others are, with what is new in them", async () => {
  const rig = await rigOf();
  const contract = new Reader(rig, {});
  const updates = new Reader(rig, { updates: true });
  await rig.settle();
  const publish = (more: object) => call(rig, Alerts.method.publishAlert, { rule: "backup", severity: "low", ...more });
  await publish({});
  await publish({ value: 2 });
  await publish({ severity: "high" });
  await publish({ severity: "medium" });
  await publish({ cleared: true });
  await rest();
  expect(contract.said()).toEqual(["alert-1 low", "alert-1 high"]);
  expect(updates.said()).toEqual([
    "snapshot end",
    "alert-1 fired low",
    "alert-1 updated low",
    "alert-1 severity_rose high",
    "alert-1 severity_fell medium",
    "alert-1 cleared medium removed",
  ]);
});

test("late episodes are heard of with updates alone, once", async () => {
  const rig = await rigOf(LOAD);
  const contract = new Reader(rig, {});
  const updates = new Reader(rig, { updates: true });
  await rig.settle();
  const hourAgoMs = START_MS - 3_600_000;
  const points = [70, 92, 70].map((value, i) => {
    return { metric: "temp", source: "a", value, timeMs: hourAgoMs + i * 60_000 };
  });
  await rig.send(...points);
  await rig.send(...points);
  await rig.advance(120_000);
  expect(contract.said()).toEqual([]);
  const late = updates.messages.filter(({ change }) => change === AlertChange.LATE);
  expect(late).toMatchObject([{ state: AlertState.CLEARED, late: true, severity: "high", value: 92 }]);
});

describe("what stands when it begins", () => {
  async function standing(): Promise<AlertsRig> {
    const rig = await rigOf(LOAD, { name: "wet", metric: "rain", condition: { threshold: { above: 1 } } });
    await send(rig, 92, "a");
    await send(rig, 81, "b");
    await send(rig, 97, "c");
    await rig.send({ metric: "rain", source: "a", value: 2 });
    await call(rig, Alerts.method.acknowledgeAlert, { id: "alert-2" });
    await send(rig, 60, "a");
    return rig;
  }

  test("comes first, the oldest first", async () => {
    const rig = await standing();
    const read = async (request: object) => {
      const reader = new Reader(rig, request);
      await rig.settle();
      await reader.close();
      return reader.said();
    };
    expect(await read({})).toEqual(["alert-3 critical", "alert-4 medium"]);
    expect(await read({ includeAcknowledged: true })).toEqual([
      "alert-2 medium ack",
      "alert-3 critical",
      "alert-4 medium",
    ]);
    expect(await read({ updates: true, severities: ["medium"], includeAcknowledged: true })).toEqual([
      "alert-2 snapshot medium ack",
      "alert-4 snapshot medium",
      "snapshot end",
    ]);
    expect(await read({ updates: true, rules: ["wet"], sources: ["b"] })).toEqual(["snapshot end"]);
  });

  test("has no cursors but the mark at its end", async () => {
    const rig = await standing();
    const reader = new Reader(rig, { updates: true });
    await rig.settle();
    expect(reader.messages.map(({ cursor, snapshotEnd }) => [cursor !== "", snapshotEnd])).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
    expect(toBinary(AlertSchema, reader.messages.at(-1)!).length).toBeLessThan(40);
  });

  test("is the same after a restart", async () => {
    const rig = await standing();
    const request = { updates: true, includeAcknowledged: true };
    const before = new Reader(rig, request);
    await rig.settle();
    await before.close();
    await rig.restart();
    const again = new Reader(rig, request);
    await rig.settle();
    expect(again.messages.map(bytesOf)).toEqual(before.messages.map(bytesOf));
  });
});

function bytesOf(alert: Alert): string {
  return Buffer.from(toBinary(AlertSchema, alert)).toString("hex");
}

/** Something happens: to one of a few alerts, by points, people and time. */
async function happen(rig: AlertsRig, random: () => number): Promise<void> {
  const source = `s${Math.floor(random() * 4)}`;
  const what = random();
  // Of one that is over people may say something, too.
  const state = what < 0.8 ? AlertState.UNSPECIFIED : AlertState.ACTIVE;
  const { alerts } = await call(rig, Alerts.method.listAlerts, { state });
  const id = alerts.length === 0 ? "" : alerts[Math.floor(random() * alerts.length)].id;
  if (what < 0.6 || id === "") await send(rig, [60, 81, 92, 97][Math.floor(random() * 4)], source);
  else if (what < 0.7) await call(rig, Alerts.method.acknowledgeAlert, { id });
  else if (what < 0.75) await call(rig, Alerts.method.commentAlert, { id, text: `at ${rig.clock.nowMs()}` });
  else if (what < 0.8) await call(rig, Alerts.method.assignAlert, { id, assignee: source });
  else if (what < 0.85) await call(rig, Alerts.method.resolveAlert, { id });
  else if (what < 0.9) await rig.advance(60_000);
  else await call(rig, Alerts.method.publishAlert, { rule: source, severity: random() < 0.5 ? "low" : "high" });
  await rig.settle();
}

const REQUESTS = [
  {},
  { includeAcknowledged: true },
  { severities: ["high", "critical"] },
  { sources: ["s1", "s2"], rules: ["load"] },
];

describe("going on", () => {
  test("from any message gives exactly those after it, in any number of parts and over restarts", async () => {
    for (const [seed, request] of REQUESTS.entries()) {
      const random = randomOf(seed);
      const rig = await rigOf(LOAD);
      const first = new Reader(rig, { ...request, updates: true });
      await rig.settle();
      for (let i = 0; i < 80; i++) await happen(rig, random);
      const all = first.messages;
      expect(all.length).toBeGreaterThan(15);
      expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(all.length);
      for (const isRestarted of [false, true]) {
        if (isRestarted) await rig.restart();
        for (const [i, { cursor }] of all.entries()) {
          const reader = new Reader(rig, { ...request, updates: true, cursor });
          await rest();
          expect(reader.messages.map(bytesOf)).toEqual(all.slice(i + 1).map(bytesOf));
          await reader.close();
        }
      }
      await first.close();
    }
  });

  test("reads a long past page by page", async () => {
    const rig = await rigOf();
    const first = new Reader(rig, { updates: true });
    await rig.settle();
    for (let i = 0; i < 1_700; i++) {
      await call(rig, Alerts.method.publishAlert, { rule: "r", severity: "low", value: i });
    }
    const { cursor } = first.messages[150];
    const reader = new Reader(rig, { updates: true, cursor });
    await rest();
    expect(reader.messages.map((message) => message.cursor)).toEqual(first.messages.slice(151).map((m) => m.cursor));
  });

  test("ends where entries go by their age before they were read", async () => {
    const rig = await rigOf(LOAD);
    for (let i = 0; i < 600; i++) await send(rig, i % 2 === 0 ? 81 : 60);
    const reader = new Reader(rig, { updates: true, cursor: "cursor-0" }, true);
    await reader.take();
    rig.journal.firstPosition = rig.journal.lastPosition;
    while (await reader.take());
    expect(reader.ended).toContain("no longer kept");
    await rig.close();
  });

  test("while things happen misses and repeats nothing", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = randomOf(1_000 + seed);
      const rig = await rigOf(LOAD);
      const all = new Reader(rig, { updates: true, includeAcknowledged: true });
      await rig.settle();
      for (let i = 0; i < 30; i++) await happen(rig, random);
      // Reads of the journal take their time from now on.
      const read = rig.journal.read.bind(rig.journal);
      rig.journal.read = async (query) => {
        for (let i = Math.floor(random() * 5); i > 0; i--) await rig.settle();
        return read(query);
      };
      const from = all.messages[Math.floor(random() * all.messages.length)];
      const slow = new Reader(rig, { updates: true, includeAcknowledged: true, cursor: from.cursor }, true);
      const snapshot = new Reader(rig, { updates: true, includeAcknowledged: true }, true);
      const taking = (async () => {
        while (await slow.take()) for (let i = Math.floor(random() * 3); i > 0; i--) await rig.settle();
      })();
      const reading = (async () => {
        while (await snapshot.take()) for (let i = Math.floor(random() * 3); i > 0; i--) await rig.settle();
      })();
      for (let i = 0; i < 30; i++) await happen(rig, random);
      await rest();
      const cursors = ({ messages }: Reader) => messages.map(({ cursor }) => cursor).filter((cursor) => cursor !== "");
      const wanted = cursors(all);
      expect({ seed, got: cursors(slow) }).toEqual({ seed, got: wanted.slice(wanted.indexOf(from.cursor) + 1) });
      const end = snapshot.messages.findIndex(({ snapshotEnd }) => snapshotEnd);
      const position = Number(snapshot.messages[end].cursor.slice("cursor-".length));
      const after = wanted.filter((cursor) => Number(cursor.slice("cursor-".length)) > position);
      expect({ seed, got: cursors(snapshot).slice(1) }).toEqual({ seed, got: after });
      expect(await standingBy(snapshot)).toEqual(await standingIn(rig));
      slow.abort();
      snapshot.abort();
      await Promise.all([taking, reading]);
    }
  });

  /** What a client holds to be active after all it has heard. */
  async function standingBy({ messages }: Reader): Promise<string[]> {
    const standing = new Map<string, string>();
    for (const alert of messages) {
      if (alert.snapshotEnd) continue;
      if (alert.removed || alert.state === AlertState.CLEARED) standing.delete(alert.id);
      else standing.set(alert.id, `${alert.id} ${alert.severity} ${alert.acknowledged} ${alert.assignee}`);
    }
    return [...standing.values()].sort();
  }

  async function standingIn(rig: AlertsRig): Promise<string[]> {
    const { alerts } = await call(rig, Alerts.method.listAlerts, { state: AlertState.ACTIVE });
    return alerts.map((alert) => `${alert.id} ${alert.severity} ${alert.acknowledged} ${alert.assignee}`).sort();
  }

  test("is not for clients without updates", async () => {
    const rig = await rigOf();
    const reader = new Reader(rig, { cursor: "cursor-0" });
    await rig.settle();
    expect(reader.ended).toContain("cursor goes with updates alone");
  });
});

test("a reader that falls behind is told so, and goes on with its last cursor", async () => {
  const rig = await rigOf();
  const all = new Reader(rig, { updates: true });
  const reader = new Reader(rig, { updates: true }, true);
  await reader.take();
  const next = reader.take();
  await rig.settle();
  for (let i = 0; i < 25; i++) {
    const publish = (value: number) => call(rig, Alerts.method.publishAlert, { rule: "r", severity: "low", value });
    await Promise.all(Array.from({ length: 450 }, (_, k) => publish(450 * i + k)));
    await rest();
  }
  await next;
  await rest();
  while (await reader.take());
  expect(reader.ended).toContain("behind");
  expect(all.messages).toHaveLength(25 * 450 + 1);
  expect(reader.messages.length).toBeLessThan(all.messages.length);
  const resumed = new Reader(rig, { updates: true, cursor: reader.messages.at(-1)!.cursor });
  await rest();
  const values = [reader, resumed].flatMap(({ messages }) => messages.map(({ value }) => value));
  expect(values).toEqual(all.messages.map(({ value }) => value));
});

describe("ends promptly when the reader leaves, and nothing is kept for it", () => {
  /** How many follow what happens. */
  function followersOf(rig: AlertsRig): () => number {
    const { book } = rig.alerts;
    const follow = book.follow.bind(book);
    let count = 0;
    book.follow = (follower) => {
      const end = follow(follower);
      count++;
      return () => (count--, end());
    };
    return () => count;
  }

  for (const [when, reads] of [
    ["before anything is read", 0],
    ["while what stands is read", 1],
    ["while it waits", 4],
  ] as const) {
    test(when, async () => {
      const rig = await rigOf(LOAD);
      for (const source of ["a", "b", "c"]) await send(rig, 81, source);
      const followers = followersOf(rig);
      const reader = new Reader(rig, { updates: true }, true);
      for (let i = 0; i < reads; i++) await reader.take();
      const waiting = reads === 4 ? reader.take() : null;
      await rig.settle();
      reader.abort();
      await waiting;
      await reader.close();
      expect(followers()).toBe(0);
    });
  }

  test("also while the past is read", async () => {
    const rig = await rigOf(LOAD);
    await send(rig, 81);
    const gate = Promise.withResolvers<void>();
    rig.journal.read = async () => (await gate.promise, []);
    const followers = followersOf(rig);
    const reader = new Reader(rig, { updates: true, cursor: "cursor-0" }, true);
    const taking = reader.take();
    await rig.settle();
    reader.abort();
    gate.resolve();
    await taking;
    expect(reader.ended).toBe("end");
    expect(followers()).toBe(0);
  });

  test("also while it looks through a past in which nothing is for it", async () => {
    const rig = await rigOf(LOAD);
    for (let i = 0; i < 1_700; i++) await call(rig, Alerts.method.publishAlert, { rule: "r", value: i });
    const read = rig.journal.read.bind(rig.journal);
    let reads = 0;
    rig.journal.read = async (query) => {
      if (++reads === 2) reader.abort();
      return read(query);
    };
    const reader: Reader = new Reader(rig, { updates: true, rules: ["other"], cursor: "cursor-0" }, true);
    await reader.take();
    expect({ ended: reader.ended, reads }).toEqual({ ended: "end", reads: 2 });
  });
});

test("asks for what there is", async () => {
  const rig = await rigOf(LOAD);
  for (const [request, said] of [
    [{ severities: ["grave"] }, 'severities[0] is "grave"; wanted low, medium, high, critical'],
    [{ sources: ["a", ""] }, 'sources[1] is ""; wanted a name or glob'],
    [{ rules: ["x".repeat(2_000)] }, "rules[0] is"],
  ] as const) {
    const reader = new Reader(rig, request as object);
    await rig.settle();
    expect(reader.ended).toContain(said);
  }
});

test("behind a cursor nobody goes on while changes were told of that are not written down", async () => {
  const rig = await rigOf(LOAD);
  await send(rig, 81);
  const reader = new Reader(rig, { updates: true });
  await rest();
  const { cursor } = reader.messages.at(-1)!;
  rig.journal.failure = new Error("the disk is gone");
  await send(rig, 92);
  await rest();
  expect(reader.messages.at(-1)).toMatchObject({ change: AlertChange.SEVERITY_ROSE, cursor: "" });

  const meanwhile = new Reader(rig, { updates: true, cursor });
  await rest();
  expect(meanwhile.ended).toContain("cannot be written down at the moment; subscribe again without it");
  const anew = new Reader(rig, { updates: true });
  await rest();
  expect(anew.messages[0]).toMatchObject({ severity: "high" });
  expect(anew.messages[1]).toMatchObject({ snapshotEnd: true, cursor: "" });

  rig.journal.failure = null;
  await rig.advance(10_000);
  await rest();
  const later = new Reader(rig, { updates: true, cursor });
  await rest();
  expect(later.messages.map(({ change }) => change)).toEqual([AlertChange.SEVERITY_ROSE]);
  await rig.close();
});
