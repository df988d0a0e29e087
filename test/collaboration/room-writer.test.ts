/** Numbers are consecutive and in the order of the journal, whatever fails and whatever is posted together. */
import { expect, test } from "bun:test";
import { RoomWriter, type Posted } from "../../src/collaboration/room-writer.ts";
import { newSession, sentCollection, SESSIONS, sessionOf } from "../../src/collaboration/session-documents.ts";
import { messageOfEntry, type Draft, type SessionMessage } from "../../src/collaboration/session-message.ts";
import { SessionState } from "../../src/wire/gen/collaboration_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { settle } from "./rig.ts";
import { SteppedJournal } from "./stepped-journal.ts";

const draft = (text: string): Draft => ({ type: "chat", userId: "ann", userName: "", text, metadata: {} });
const posted = (text: string, more: Partial<Posted> = {}): Posted => ({ draft: draft(text), ...more });

function rigOf() {
  const clock = new ManualClock();
  const kept = new MemoryJournal();
  const journal = new SteppedJournal(kept);
  const told: SessionMessage[] = [];
  const session = newSession("s", "ann", clock.nowMs());
  const writer = new RoomWriter(session, journal, clock, (message) => told.push(message));
  const post = (text: string, more: Partial<Posted> = {}): Promise<string> =>
    writer.post(posted(text, more)).then(
      ({ number }) => `${number} ${text}`,
      (error) => `${error.status} ${text}`,
    );
  const texts = () => kept.entries.map(messageOfEntry).map(({ number, text }) => `${number} ${text}`);
  return { clock, kept, journal, told, writer, post, texts };
}

test("what is posted together is one commit, and what comes meanwhile the next one", async () => {
  const { kept, journal, told, writer, post, texts } = rigOf();
  journal.isStepped = true;
  const first = ["a", "b", "c"].map((text) => post(text));
  await settle();
  const second = ["d", "e"].map((text) => post(text));
  await settle();
  expect([journal.commits, writer.isIdle, told]).toEqual([1, false, []]);
  await journal.stepCommit();
  expect(await Promise.all(first)).toEqual(["1 a", "2 b", "3 c"]);
  expect(told.map(({ number }) => number)).toEqual([1, 2, 3]);
  await settle();
  await journal.stepCommit();
  expect(await Promise.all(second)).toEqual(["4 d", "5 e"]);
  expect([kept.appends, texts()]).toEqual([2, ["1 a", "2 b", "3 c", "4 d", "5 e"]]);
  await writer.idle();
  expect(told.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
});

test("the numbers of a commit that failed are given again, and its messages are told to nobody", async () => {
  const { journal, told, post, texts, writer, kept } = rigOf();
  expect(await post("a")).toBe("1 a");
  journal.isFailing = true;
  expect(await Promise.all([post("b", { clientMessageId: "x" }), post("c", { patch: { title: "no" } })])).toEqual([
    "UNAVAILABLE b",
    "UNAVAILABLE c",
  ]);
  journal.isFailing = false;
  expect(kept.count(sentCollection("s"))).toBe(0);
  expect(await Promise.all([post("b", { clientMessageId: "x" }), post("d")])).toEqual(["2 b", "3 d"]);
  expect(told.map(({ text }) => text)).toEqual(["a", "b", "d"]);
  expect(texts()).toEqual(["1 a", "2 b", "3 d"]);
  expect(writer.session).toMatchObject({ title: "", messages: 3n });
  expect(await kept.documents({ collection: sentCollection("s"), limit: 9 })).toMatchObject([{ sort: 2 }]);
});

test("closed in the middle of a batch: what is before is kept, what is behind is refused, until it is opened again", async () => {
  const { post, texts, writer, kept } = rigOf();
  const done = await Promise.all([
    post("a"),
    post("closing", { patch: { state: SessionState.CLOSED } }),
    post("b"),
    post("titled", { patch: { title: "no" } }),
    post("opening", { patch: { state: SessionState.OPEN } }),
    post("c"),
    post("closing again", { patch: { state: SessionState.CLOSED } }),
  ]);
  expect(done).toEqual([
    "1 a",
    "2 closing",
    "FAILED_PRECONDITION b",
    "FAILED_PRECONDITION titled",
    "3 opening",
    "4 c",
    "5 closing again",
  ]);
  expect(texts()).toEqual(["1 a", "2 closing", "3 opening", "4 c", "5 closing again"]);
  expect(await post("d")).toBe("FAILED_PRECONDITION d");
  expect(writer.session).toMatchObject({ state: SessionState.CLOSED, messages: 5n, title: "" });
  expect(sessionOf((await kept.document(SESSIONS, "s"))!)).toMatchObject({ state: SessionState.CLOSED, messages: 5n });
});

test("what belongs to a message is in its commit, and costs no number", async () => {
  const { post, kept, journal, told } = rigOf();
  const rows = {
    events: [{ atMs: 0, kind: "issue", subject: "7", actor: "ann", payload: "{}" }],
    changes: [{ collection: "issues", key: "7", sort: 7, value: "{}" }],
  };
  await Promise.all([post("a", { rows }), post("b")]);
  expect(kept.entries.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(["session s", "issue 7", "session s"]);
  expect(told.map(({ number, position }) => [number, position])).toEqual([
    [1, 1],
    [2, 3],
  ]);
  expect(kept.count("issues")).toBe(1);
  journal.isFailing = true;
  await post("c", { rows: { events: [], changes: [{ collection: "issues", key: "8", sort: 8, value: "{}" }] } });
  expect(kept.count("issues")).toBe(1);
});

test("times never go back, also where the wall clock does", async () => {
  const { clock, post, told } = rigOf();
  const startMs = clock.nowMs();
  await post("a");
  clock.setWallClock(startMs - 60_000);
  await post("b");
  clock.setWallClock(startMs + 1);
  await post("c");
  expect(told.map(({ atMs }) => atMs - startMs)).toEqual([0, 0, 1]);
});

test("so many may wait, and so much text; what is over that is refused with the time to wait", async () => {
  const { journal, writer, post, texts } = rigOf();
  journal.isStepped = true;
  const waiting = Array.from({ length: 1_000 }, (_, i) => post(String(i)));
  await expect(writer.post(posted("over"))).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    retryAfterMs: 1_000,
    message: "1000 messages of session s wait to be kept; at most 1000 may",
  });
  const stepping = (async () => {
    while (!writer.isIdle) {
      await settle();
      await journal.stepCommit();
    }
  })();
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i + 1} ${i}`));
  await stepping;
  expect(texts()).toHaveLength(1_000);
  journal.isStepped = true;
  const long = "x".repeat(64 * 1024);
  const many = Array.from({ length: 70 }, () => post(long));
  expect(await many[69]).toStartWith("RESOURCE_EXHAUSTED");
  while (!writer.isIdle) {
    await settle();
    // No commit holds more than a mebibyte.
    await journal.stepCommit();
  }
  const numbered = (await Promise.all(many)).filter((done) => /^\d/.test(done));
  expect(numbered.length).toBeGreaterThan(60);
});
