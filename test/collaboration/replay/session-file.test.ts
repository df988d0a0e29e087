/** Files of sessions: nothing of them is believed, and what is half imported is not seen. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { gunzipSync } from "node:zlib";
import { readSessionFile } from "../../../src/collaboration/replay/read-session-file.ts";
import type { Heard, Recording } from "../../../src/collaboration/replay/recording.ts";
import { sessionFile } from "../../../src/collaboration/replay/session-file.ts";
import { newSession, SESSIONS, sessionOf } from "../../../src/collaboration/session-documents.ts";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { AnnotationSchema } from "../../../src/wire/gen/annotations_pb.ts";
import { CollaborationMessageSchema, SessionState } from "../../../src/wire/gen/collaboration_pb.ts";
import type { CollaborationMessage, Session } from "../../../src/wire/gen/collaboration_pb.ts";
import { IssueSchema } from "../../../src/wire/gen/issues_pb.ts";
import { randomOf } from "../../store/harness.ts";
import { ReplayRig, START_MS } from "./replay-rig.ts";

const MAGIC = "WATCHPOST-SESSION 1\n";
type Lines = Record<string, unknown>[];

let file: Buffer;
const rig = new ReplayRig();

beforeAll(async () => {
  await rig.session("s", { devices: ["pump-1"] });
  rig.annotations = [create(AnnotationSchema, { id: "n1", text: "a note", author: "ann" })];
  rig.issues = [create(IssueSchema, { number: 7n, title: "an issue" })];
  await rig.silence("quiet", "pump-.*", 600_000);
  await rig.say("s", "it begins \u202e <b> \u0000 \ud83d\ude00");
  for (let i = 0; i < 300; i++) {
    rig.clock.advance(1_000);
    rig.send([
      { metric: "temperature", device: "pump-1", timeMs: rig.clock.nowMs(), value: i === 5 ? -0 : Math.sin(i) },
    ]);
    if (i % 100 === 50) await rig.alert(`a${i}`, AlertChange.FIRED, "pump-1");
  }
  await rig.say("s", "it ends");
  file = await rig.export("s");
});

afterAll(() => rig[Symbol.dispose]());

async function refusal(data: Uint8Array): Promise<string> {
  using other = new ReplayRig();
  try {
    await other.import(data);
  } catch (error) {
    expect(await other.journal.documents({ collection: SESSIONS, limit: 10 })).toEqual([]);
    expect(other.journal.count("session-imports")).toBe(0);
    expect(other.journal.count("session-imports-unfinished")).toBe(0);
    return (error as Error).message;
  }
  return "taken";
}

function linesOf(data: Buffer): Lines {
  const text = gunzipSync(data.subarray(MAGIC.length)).toString();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** With a trailer that fits. */
function fileOf(lines: Lines): Buffer {
  const texts = lines.slice(0, -1).map((line) => JSON.stringify(line) + "\n");
  const counted = Object.fromEntries(
    ["header", "series", "standing", "message", "alert", "silence", "annotation", "issue", "points"].map((kind) => [
      kind,
      lines.filter((line) => kind in line).length,
    ]),
  );
  const sha256 = new Bun.CryptoHasher("sha256").update(texts.join("")).digest("hex");
  texts.push(JSON.stringify({ trailer: { lines: counted, sha256 } }) + "\n");
  return Buffer.concat([Buffer.from(MAGIC), Bun.gzipSync(Buffer.from(texts.join("")))]);
}

test("a file is lines of JSON that other tools unpack", () => {
  const lines = linesOf(file);
  expect(Object.keys(lines[0])).toEqual(["header"]);
  expect(lines.filter((line) => "message" in line)).toHaveLength(2);
  expect(lines.filter((line) => "alert" in line)).toHaveLength(3);
  expect(lines.filter((line) => "silence" in line)).toMatchObject([{ silence: { id: "quiet", author: "eve" } }]);
  expect(lines.at(-1)).toMatchObject({ trailer: { lines: { silence: 1, annotation: 1, issue: 1, series: 1 } } });
});

test("a file that is cut off anywhere is refused, and nothing of it is kept", async () => {
  for (let length = 0; length < file.length; length += Math.ceil(file.length / 25)) {
    expect(await refusal(file.subarray(0, length))).toMatch(/line \d+|no session file/);
  }
  expect(await refusal(file.subarray(0, file.length - 1))).toMatch(/line \d+/);
});

test("a file with a flipped bit is refused, with the line that it was found in", async () => {
  const random = randomOf(1);
  for (let i = 0; i < 120; i++) {
    const flipped = Buffer.from(file);
    // Bits of a gzip header that nobody looks at: time, system and flags of the compressor.
    const at = MAGIC.length + 10 + Math.floor(random() * (file.length - MAGIC.length - 10));
    flipped[at] ^= 1 << Math.floor(random() * 8);
    expect(await refusal(flipped)).toMatch(/line \d+/);
  }
});

test("what is no session file, or one of a later version, is said to be", async () => {
  expect(await refusal(Buffer.from("hello"))).toMatch(/no session file/);
  expect(await refusal(Buffer.alloc(100_000, 65))).toMatch(/no session file/);
  expect(await refusal(Buffer.concat([Buffer.from("WATCHPOST-SESSION 2\n"), file.subarray(MAGIC.length)]))).toMatch(
    /format 2, and this version reads 1/,
  );
  expect(await refusal(Buffer.concat([file, file.subarray(MAGIC.length)]))).toMatch(/a header may not stand here/);
  expect(await refusal(Buffer.concat([file, Buffer.from("more")]))).toMatch(/line \d+/);
});

test("a file that unpacks to very much is given up before it does", async () => {
  const zeros = Bun.gzipSync(Buffer.alloc(64 * 1024 * 1024, 32));
  expect(await refusal(Buffer.concat([Buffer.from(MAGIC), zeros]))).toMatch(/line 1: it is longer than 8388608 bytes/);
  const lines = Bun.gzipSync(Buffer.from(`${" ".repeat(4_000_000)}\n`.repeat(10)));
  const bomb = Buffer.concat([Buffer.from(MAGIC), ...Array.from({ length: 20 }, () => lines)]);
  expect(await refusal(bomb)).toMatch(/line 1/);
});

describe("hostile values are refused", () => {
  const cases: [string, (lines: Lines) => void, RegExp][] = [
    ["a session id that is none", (l) => set(l, "header", ["session", "id"], "../x"), /line 1: .*session\.id/],
    ["a title that is too long", (l) => set(l, "header", ["session", "title"], "x".repeat(1_025)), /line 1: title/],
    ["a topic of too many", (l) => set(l, "header", ["session", "topic"], manyDevices()), /line 1: topic\.devices/],
    ["a creator who is too long", (l) => set(l, "header", ["session", "createdBy"], "x".repeat(257)), /1: created_by/],
    ["a closer who is too long", (l) => set(l, "header", ["session", "closedBy"], "x".repeat(257)), /1: closed_by/],
    ["a beginning to come", (l) => set(l, "header", ["session", "createdAt"], "9000-01-01T00:00:00Z"), /1: created_at/],
    [
      "a beginning before 1970",
      (l) => set(l, "header", ["session", "createdAt"], "0001-01-01T00:00:00Z"),
      /created_at/,
    ],
    ["no beginning", (l) => set(l, "header", ["session", "createdAt"], undefined), /line 1: created_at is "none"/],
    ["an end to come", (l) => set(l, "header", ["session", "closedAt"], "9000-01-01T00:00:00Z"), /line 1: closed_at/],
    ["a range that is none", (l) => set(l, "header", ["toUs"], 0), /line 1: .*no range/],
    ["a series without a name", (l) => set(l, "series", ["metric"], ""), /line 2: .*series/],
    ["NUL in a name", (l) => set(l, "series", ["source"], "a\0b"), /line 2: .*series/],
    ["a kind that is not known", (l) => void l.splice(3, 0, { rocket: {} }), /line 4: .*"rocket"/],
    [
      "lines out of order",
      (l) =>
        void l.splice(
          1,
          0,
          l.find((line) => "alert" in line)!,
        ),
      /line 3: a series may not/,
    ],
    ["two headers", (l) => void l.splice(1, 0, l[0]), /line 2: a header may not/],
    ["a message of another type", (l) => set(l, "message", ["message", "messageType"], "cursor"), /type "cursor"/],
    ["messages that do not count up", (l) => set(l, "message", ["message", "number"], "9"), /do not count up/],
    ["a time that is none", (l) => set(l, "message", ["atMs"], "now"), /atMs is now/],
    ["a slot beyond the series", (l) => set(l, "points", ["slots", 0], 5), /slots\[0\] is 5/],
    ["a value that is no number", (l) => set(l, "points", ["values", 1], null), /values\[1\] is null/],
    ["a time between microseconds", (l) => set(l, "points", ["timesUs", 2], 1.5), /timesUs\[2\] is 1\.5/],
    ["columns of different length", (l) => set(l, "points", ["arrivalsS"], [1]), /arrivalsS is no list of/],
    ["arrivals that go back", (l) => set(l, "points", ["arrivalsS", 3], 1), /arrivalsS\[3\] is 1/],
    ["a standing that is no view", (l) => set(l, "standing", ["view"], "x"), /view is neither/],
    [
      "a second standing of a view",
      (l) =>
        void l.splice(
          2,
          0,
          l.find((line) => "standing" in line)!,
        ),
      /line 4: what stood as_seen was said before/,
    ],
    ["a message that is none", (l) => set(l, "message", ["message"], 5), /line \d+/],
    ["a line that is a list", (l) => void l.splice(1, 0, [] as never), /line 2: the line is no object/],
  ];
  for (const [name, change, wanted] of cases) {
    test(name, async () => {
      const lines = structuredClone(linesOf(file));
      change(lines);
      expect(await refusal(fileOf(lines))).toMatch(wanted);
    });
  }

  test("while a file that was only packed anew is taken", async () => {
    expect(await refusal(fileOf(linesOf(file)))).toBe("taken");
  });
});

test("an import that a crash cuts off leaves nothing that is seen, and the next start removes it", async () => {
  using other = new ReplayRig();
  let appends = 0;
  const append = other.journal.append.bind(other.journal);
  other.journal.append = async (events, changes) => {
    if (++appends > 2) throw new Error("killed");
    return append(events, changes);
  };
  await expect(other.import(file)).rejects.toThrow("killed");
  other.journal.append = append;
  expect(other.journal.count("session-imports")).toBe(1);
  expect(await other.journal.documents({ collection: SESSIONS, limit: 10 })).toEqual([]);
  other.restart();
  expect(await other.import(file)).toBe("s");
  expect((await other.export("s")).equals(file)).toBe(true);
  expect(other.journal.count("session-imports-unfinished")).toBe(0);
});

test("an imported session is marked, has a name of its own, and keeps its times", async () => {
  using other = new ReplayRig();
  expect([await other.import(file), await other.import(file), await other.import(file, "mine")]).toEqual([
    "s",
    "s-2",
    "mine",
  ]);
  expect(other.import(file, "mine")).rejects.toThrow(/there is a session "mine" already/);
  expect(other.import(file, "/")).rejects.toThrow(/session_id is "\/"/);
  const session = sessionOf((await other.journal.document(SESSIONS, "s-2"))!);
  expect(session).toMatchObject({ id: "s-2", state: SessionState.IMPORTED, createdBy: "ann" });
  expect(other.journal.entries.map(({ kind, subject, actor }) => [kind, subject, actor])).toEqual([
    ["session-import", "s", "bob"],
    ["session-import", "s-2", "bob"],
    ["session-import", "mine", "bob"],
  ]);
  const [{ event, at }] = (await other.replay("s-2", { metrics: ["-"] })).events.slice(1);
  expect(event.case === "message" && event.value.sessionId).toBe("s-2");
  expect(Number(at!.seconds) * 1_000).toBe(START_MS);
});

test("one import after the other, and no more than two at once", async () => {
  using other = new ReplayRig();
  const imports = await Promise.allSettled([1, 2, 3].map(() => other.import(file)));
  expect(imports.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(await other.import(file)).toBe("s-3");
});

test("what an export leaves out is said wherever it is replayed", async () => {
  using other = new ReplayRig();
  await other.session("s");
  await other.say("s", "gone");
  await other.say("s", "there");
  other.journal.entries.shift();
  other.journal.firstPosition = 2;
  const said = (await other.replay("s")).marks[0].missing;
  expect(said).toBe("messages before number 2 are not kept any more");
  expect((await other.replay(await other.import(await other.export("s")))).marks[0].missing).toBe(said);
});

test("what could not be imported is not exported", async () => {
  const { session, messages } = recordingOf("x".repeat(7 * 1024 * 1024));
  await expect(bytesOf(session, messages(80))).rejects.toThrow(/unpacks to is larger than 536870912 bytes/);
  const longer = recordingOf("x".repeat(9 * 1024 * 1024));
  await expect(bytesOf(longer.session, longer.messages(1))).rejects.toThrow(
    /kind message, is larger than 8388608 bytes/,
  );
  const missing = Array.from({ length: 200 }, (_, i) => `entry ${i} cannot be read`);
  const exported = await bytesOf(session, messages(1), missing);
  using other = new ReplayRig();
  expect(await other.import(exported)).toBe("s");
});

test("zero keeps its sign on the way", async () => {
  const values: number[] = [];
  async function* pieces() {
    yield file;
  }
  for await (const line of readSessionFile(pieces())) if (line.kind === "points") values.push(...line.points.values);
  expect(values.some((value) => Object.is(value, -0))).toBe(true);
});

function manyDevices() {
  return { devices: Array.from({ length: 1_001 }, (_, i) => `device-${i}`) };
}

function set(lines: Lines, kind: string, path: readonly (string | number)[], value: unknown): void {
  let at = lines.find((line) => kind in line)![kind] as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  at[path.at(-1)!] = value;
}

function recordingOf(text: string) {
  const session = newSession("s", "ann", START_MS);
  async function* messages(count: number) {
    for (let number = 1; number <= count; number++) {
      const what = create(CollaborationMessageSchema, { messageType: "chat", message: text, number: BigInt(number) });
      yield { atMs: START_MS, what };
    }
  }
  return { session, messages };
}

async function bytesOf(
  session: Session,
  messages: AsyncIterable<Heard<CollaborationMessage>>,
  missing: readonly string[] = [],
): Promise<Buffer> {
  async function* nothing() {}
  const recording: Recording = {
    session,
    range: { fromUs: START_MS * 1_000, toUs: START_MS * 1_000 + 1 },
    seriesKeys: [],
    missing: new Set(missing),
    messages: () => messages,
    alerts: nothing,
    points: nothing,
    standing: async () => ({ timesUs: new Float64Array(), values: new Float64Array() }),
    writes: nothing,
    silences: async () => [],
    annotations: async () => [],
    issues: async () => [],
  };
  return Buffer.concat(await Array.fromAsync(sessionFile(recording, "1", START_MS)));
}
