/** Sessions as such: opened, described, listed, closed and opened again, by whoever may see them, and forgotten. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, spyOn, test } from "bun:test";
import {
  documentsOfSession,
  sentCollection,
  SESSIONS,
  sessionsAbout,
} from "../../src/collaboration/session-documents.ts";
import { eventOf } from "../../src/collaboration/session-message.ts";
import { Collaboration, SessionSchema, SessionState } from "../../src/wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { Rig, settle, START_MS } from "./rig.ts";
import { seeing } from "./surroundings.ts";

const M = Collaboration.method;
const { OPEN, CLOSED, IMPORTED } = SessionState;
const HOUR_MS = 3_600_000;

type SessionInit = MessageInitShape<typeof SessionSchema>;

async function importInto(rig: Rig, id: string, more: SessionInit = {}): Promise<void> {
  const at = timestampOfMs(START_MS);
  const session = { id, state: IMPORTED, createdAt: at, lastActivityAt: at, messages: 7n, ...more };
  await rig.kept.append([], documentsOfSession(create(SessionSchema, session as SessionInit)));
}

/** Of all pages, and how many pages there are. */
async function listed(rig: Rig, request: MessageInitShape<typeof M.listSessions.input>) {
  const ids: string[] = [];
  for (let [page, pages] = ["", 1]; ; pages++) {
    const { sessions, nextPage } = await rig.ask(M.listSessions, { ...request, page });
    ids.push(...sessions.map(({ id }) => id));
    if (nextPage === "") return { ids, pages };
    page = nextPage;
  }
}

describe("a session", () => {
  test("is opened, described and renamed; whoever is in it is told", async () => {
    await using rig = await Rig.open();
    const topic = { alertIds: ["a1"], incidentIds: ["i1"], devices: ["pump-7"], metrics: ["temp*"] };
    const { session } = await rig.ask(M.createSession, { sessionId: "s", userId: "ann", title: "Pump 7", topic });
    expect(session).toMatchObject({ id: "s", title: "Pump 7", topic, state: OPEN, createdBy: "ann", messages: 1n });
    const ben = await rig.join("ben", { sessionId: "s" });
    expect(ben.kept[0]).toMatchObject({ message: "session s was opened: Pump 7", metadata: { event: "created" } });
    const renamed = await rig.ask(M.updateSession, { sessionId: "s", userId: "ann", title: "Pump 8" });
    expect(renamed.session).toMatchObject({ title: "Pump 8", topic });
    await rig.ask(M.updateSession, { sessionId: "s", userId: "ann", topic: { devices: ["pump-8"] } });
    expect(ben.kept.slice(2).map(({ message }) => message)).toEqual([
      `the session is called "Pump 8" now, by ann`,
      "the topic was changed, by ann",
    ]);
    const unchanged = await rig.ask(M.updateSession, { sessionId: "s", userId: "ann" });
    expect(unchanged.session).toMatchObject({
      title: "Pump 8",
      topic: { devices: ["pump-8"], alertIds: [] },
      messages: 4n,
    });
    await rig.crash();
    const { session: found } = await rig.ask(M.getSession, { sessionId: "s" });
    expect(found).toMatchObject({ title: "Pump 8", topic: { devices: ["pump-8"] }, messages: 4n });
    expect(found!.members).toMatchObject([{ userId: "ben", streams: 0 }]);
  });

  test("gets an id where it is given none; one that is there is not opened again", async () => {
    await using rig = await Rig.open();
    const { session } = await rig.ask(M.createSession, { userId: "ann" });
    expect(session!.id).not.toBe("");
    await expect(rig.ask(M.createSession, { sessionId: session!.id })).rejects.toMatchObject({
      status: "ALREADY_EXISTS",
    });
    await rig.join("ben", { sessionId: "joined" });
    await expect(rig.ask(M.createSession, { sessionId: "joined" })).rejects.toMatchObject({ status: "ALREADY_EXISTS" });
    const both = [1, 2].map(() =>
      rig.ask(M.createSession, { sessionId: "twice" }).then(
        () => "made",
        ({ status }) => status,
      ),
    );
    expect((await Promise.all(both)).sort()).toEqual(["ALREADY_EXISTS", "made"]);
  });

  test("that was looked for alone is none", async () => {
    await using rig = await Rig.open();
    const none = { status: "NOT_FOUND", message: 'there is no session "nowhere"' };
    const sessionId = "nowhere";
    await expect(rig.send({ userId: "ann", sessionId, message: " " })).rejects.toMatchObject({
      status: "INVALID_ARGUMENT",
    });
    await expect(rig.ask(M.getSession, { sessionId })).rejects.toMatchObject(none);
    await expect(rig.ask(M.updateSession, { sessionId, title: "x" })).rejects.toMatchObject(none);
    await expect(rig.ask(M.closeSession, { sessionId })).rejects.toMatchObject(none);
    await expect(rig.ask(M.reopenSession, { sessionId })).rejects.toMatchObject(none);
    await expect(rig.ask(M.listMessages, { sessionId })).rejects.toMatchObject(none);
    expect((await rig.ask(M.listSessions, {})).sessions).toEqual([]);
  });

  test("takes a title and a topic of some length, and says what is too long", async () => {
    await using rig = await Rig.open();
    const refused = (request: object, says: string) =>
      expect(rig.ask(M.createSession, { sessionId: "s", ...request })).rejects.toMatchObject({
        status: "INVALID_ARGUMENT",
        message: expect.stringContaining(says),
      });
    await refused({ title: "x".repeat(257) }, "title is");
    for (const title of ["a\nb", "a\r\nb", "a\u2028b", "a\x85b"]) await refused({ title }, "wanted one line of text");
    await refused({ topic: { devices: Array(1_001).fill("d") } }, 'topic.devices is "1001 names"; wanted at most 1000');
    await refused({ topic: { metrics: [""] } }, "topic.metrics is");
    await refused({ topic: { alertIds: ["x".repeat(257)] } }, "topic.alert_ids is");
    const names = (of: string, count: number) => Array.from({ length: count }, (_, i) => of.repeat(60) + i);
    await refused({ topic: { devices: names("d", 600), metrics: names("ü", 300) } }, 'topic is "');
    await refused({ userId: "u".repeat(257) }, "user_id is");
    await refused({ sessionId: "no spaces" }, "session_id is");
    expect((await rig.ask(M.listSessions, {})).sessions).toEqual([]);
  });
});

describe("closing", () => {
  test("adds nothing more, lets everybody read, and is undone by opening again", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "s" });
    const closed = await rig.ask(M.closeSession, { sessionId: "s", userId: "ann" });
    expect(closed.session).toMatchObject({ state: CLOSED, closedBy: "ann", closedAt: timestampOfMs(START_MS) });
    ann.say("one more", "id-1");
    ann.send({ messageType: "typing" });
    await settle();
    expect(ann.ended).toBeUndefined();
    expect(ann.refusals.map(({ message, metadata }) => [metadata["error"], message])).toEqual([
      ["FAILED_PRECONDITION", "session s is closed; reopen it to add something"],
    ]);
    for (const request of [M.closeSession, M.updateSession] as const) {
      const refused = rig.ask(request as typeof M.updateSession, { sessionId: "s", userId: "ann", title: "x" });
      await expect(refused).rejects.toMatchObject({ status: "FAILED_PRECONDITION" });
    }
    const ben = await rig.watch({ userId: "ben", sessionId: "s" });
    expect(ben.kept.map(({ metadata }) => metadata["event"])).toEqual(["joined", "closed"]);
    const opened = await rig.ask(M.reopenSession, { sessionId: "s", userId: "ben" });
    // When and by whom it was closed last.
    expect(opened.session).toMatchObject({ state: OPEN, closedBy: "ann", closedAt: timestampOfMs(START_MS) });
    await expect(rig.ask(M.reopenSession, { sessionId: "s" })).rejects.toMatchObject({
      message: "session s is open; wanted one that is closed",
    });
    ann.say("one more", "id-1");
    await settle();
    expect(ben.said).toEqual(["ann: one more"]);
    expect(ben.kept.map(({ number }) => Number(number))).toEqual([1, 2, 3, 4]);
  });

  test("twice at once is done once", async () => {
    await using rig = await Rig.open();
    await rig.ask(M.createSession, { sessionId: "s", userId: "ann" });
    const both = ["ann", "ben"].map((userId) =>
      rig.ask(M.closeSession, { sessionId: "s", userId }).then(
        ({ session }) => session!.closedBy,
        ({ status }) => status,
      ),
    );
    expect(await Promise.all(both)).toEqual(["ann", "FAILED_PRECONDITION"]);
    const { messages } = await rig.ask(M.listMessages, { sessionId: "s" });
    expect(messages.map(({ metadata }) => metadata["event"])).toEqual(["created", "closed"]);
  });
});

describe("the list of sessions", () => {
  test("has the newest first, in pages, by state, topic and whether somebody is there", async () => {
    await using rig = await Rig.open();
    for (let i = 0; i < 25; i++) {
      const topic = { devices: [`d${i % 5}`], alertIds: i === 3 ? ["a"] : [], incidentIds: i === 4 ? ["i"] : [] };
      await rig.ask(M.createSession, { sessionId: `s${i}`, topic });
      await rig.advance(i % 2);
    }
    await rig.ask(M.closeSession, { sessionId: "s7" });
    await importInto(rig, "imported");
    await rig.join("ann", { sessionId: "s9" });
    const ids = async (request: object) => {
      const found: string[] = [];
      for (let page = "", pages = 0; ; pages++) {
        const { sessions, nextPage } = await rig.ask(M.listSessions, { ...request, page });
        found.push(...sessions.map(({ id }) => id));
        if (nextPage === "") return { found, pages };
        page = nextPage;
      }
    };
    const all = (await ids({})).found;
    expect([all.length, all[0], new Set(all).size]).toEqual([26, "s24", 26]);
    for (const limit of [1, 7, 26]) expect((await ids({ limit })).found).toEqual(all);
    expect((await ids({ limit: 7 })).pages).toBe(3);
    expect((await ids({ device: "d2" })).found).toEqual(["s22", "s17", "s12", "s7", "s2"]);
    expect((await ids({ device: "d2", states: [OPEN] })).found).toEqual(["s22", "s17", "s12", "s2"]);
    expect((await ids({ states: [CLOSED, IMPORTED] })).found.sort()).toEqual(["imported", "s7"]);
    expect((await ids({ alertId: "a" })).found).toEqual(["s3"]);
    expect((await ids({ incidentId: "i" })).found).toEqual(["s4"]);
    expect((await ids({ active: true })).found).toEqual(["s9"]);
    const { sessions } = await rig.ask(M.listSessions, { active: true });
    expect(sessions[0].members).toMatchObject([{ userId: "ann", streams: 1 }]);
    for (const [request, says] of [
      [{ limit: -1 }, "limit is -1"],
      [{ limit: 10_001 }, "limit is 10001"],
      [{ page: "x" }, 'page is "x"'],
      ...["[1]", '[1e308,"x"]', '[1e999,"x"]'].map(
        (page) => [{ page: Buffer.from(page).toString("base64url") }, "next_page of the page before"] as const,
      ),
      [
        { states: [OPEN, 99 as SessionState] as SessionState[] },
        "states is 99; wanted 1 (OPEN), 2 (CLOSED), 3 (IMPORTED)",
      ],
      [{ states: [0] as SessionState[] }, "states is 0"],
    ] as const) {
      await expect(rig.ask(M.listSessions, request)).rejects.toThrow(says);
    }
  });

  test("ends pages by their size, too, each with one session at least", async () => {
    await using rig = await Rig.open();
    const alertIds = Array.from({ length: 1_000 }, (_, i) => `alert-${i}-`.padEnd(64, "x"));
    for (let i = 0; i < 60; i++) {
      await rig.ask(M.createSession, { sessionId: `s${i}`, topic: { alertIds } });
      await rig.advance(1);
    }
    await importInto(rig, "huge", { createdAt: timestampOfMs(1), title: "x".repeat(2 * 1024 * 1024) });
    const pages: { ids: string[]; bytes: number }[] = [];
    for (let page = ""; ;) {
      const answer = await rig.ask(M.listSessions, { page });
      const { sessions, nextPage } = answer;
      pages.push({ ids: sessions.map(({ id }) => id), bytes: toBinary(M.listSessions.output, answer).length });
      if (nextPage === "") break;
      page = nextPage;
    }
    expect(pages.flatMap(({ ids }) => ids)).toEqual([...Array.from({ length: 60 }, (_, i) => `s${59 - i}`), "huge"]);
    expect(pages.at(-1)!.ids).toEqual(["huge"]);
    for (const { ids, bytes } of pages.slice(0, -1)) {
      expect(ids).not.toEqual([]);
      expect(bytes).toBeLessThan(1024 * 1024 + 1_000);
    }
  });

  test("by topic, or of those that somebody is in, looks at no others", async () => {
    await using rig = await Rig.open();
    const about = { alertIds: ["a"], incidentIds: ["i"], devices: ["d", "d"] };
    for (let i = 0; i < 300; i++) {
      await rig.ask(M.createSession, { sessionId: `s${i}`, ...(i % 100 === 5 ? { topic: about } : {}) });
      await rig.advance(1);
    }
    await rig.join("ann", { sessionId: "s7" });
    await rig.join("ben", { sessionId: "s105" });
    await importInto(rig, "old", { createdAt: timestampOfMs(1), topic: about });
    await rig.advance(62_000, 1_000);
    let looked = 0;
    using documents = spyOn(rig.kept, "documents").mockImplementation(async (query) => {
      const page = await MemoryJournal.prototype.documents.call(rig.kept, query);
      looked += page.length;
      return page;
    });
    for (const request of [
      { alertId: "a" },
      { incidentId: "i" },
      { device: "d" },
      { ...about, device: "d", alertId: "a" },
    ]) {
      expect((await listed(rig, request)).ids).toEqual(["s205", "s105", "s5", "old"]);
      expect(await listed(rig, { ...request, limit: 1 })).toEqual({ ids: ["s205", "s105", "s5", "old"], pages: 4 });
    }
    expect(looked).toBeLessThan(100);
    documents.mockClear();
    for (const limit of [0, 1]) expect((await listed(rig, { active: true, limit })).ids).toEqual(["s105", "s7"]);
    expect((await listed(rig, { active: true, device: "d" })).ids).toEqual(["s105"]);
    expect(documents).not.toHaveBeenCalled();
    expect((await listed(rig, { device: "d", states: [IMPORTED] })).ids).toEqual(["old"]);
    expect((await listed(rig, { device: "nowhere" })).ids).toEqual([]);
    await expect(rig.ask(M.listSessions, { device: "d".repeat(257) })).rejects.toThrow("device is");
  });

  test("by topic follows what a session is about", async () => {
    await using rig = await Rig.open();
    const about = (devices: string[]) => rig.ask(M.updateSession, { sessionId: "s", topic: { devices } });
    const found = async () => {
      const each = ["a", "b", "c"].map(async (device) =>
        (await listed(rig, { device })).ids.length > 0 ? device : "",
      );
      return (await Promise.all(each)).join("");
    };
    await rig.ask(M.createSession, { sessionId: "s", topic: { devices: ["a", "b"] } });
    expect(await found()).toBe("ab");
    await about(["b", "c"]);
    expect(await found()).toBe("bc");
    rig.kept.failure = new Error("the disk fails");
    await expect(about(["a"])).rejects.toThrow("the disk fails");
    rig.kept.failure = null;
    expect(await found()).toBe("bc");
    await rig.crash();
    await rig.send({ userId: "ann", sessionId: "s", message: "x" });
    expect(await found()).toBe("bc");
    await Promise.all([about(["a"]), about([]), about(["c"])]);
    expect(await found()).toBe("c");
    expect(["a", "b", "c"].map((device) => rig.kept.count(sessionsAbout("device", device)))).toEqual([0, 0, 1]);
  });

  test("looks through so many in a call, and goes on behind them", async () => {
    await using rig = await Rig.open();
    await importInto(rig, "oldest", { createdAt: timestampOfMs(1) });
    for (let i = 0; i < 4_500; i++) await importInto(rig, `s${i}`, { state: OPEN });
    expect(await listed(rig, { states: [IMPORTED] })).toEqual({ ids: ["oldest"], pages: 3 });
  });

  test("goes on behind one that was made within a millisecond", async () => {
    await using rig = await Rig.open();
    for (let i = 0; i < 5; i++) await importInto(rig, `s${i}`, { createdAt: { seconds: 1n, nanos: i * 250_000 } });
    expect((await listed(rig, { limit: 1 })).ids).toEqual(["s4", "s3", "s2", "s1", "s0"]);
  });

  test("leaves out what is damaged, and says so", async () => {
    await using rig = await Rig.open();
    await rig.ask(M.createSession, { sessionId: "good" });
    await rig.kept.append([], [{ collection: SESSIONS, key: "bad", sort: 1, value: "{" }]);
    expect((await rig.ask(M.listSessions, {})).sessions.map(({ id }) => id)).toEqual(["good"]);
    expect(rig.trouble).toEqual(["session bad cannot be read"]);
    await expect(rig.ask(M.getSession, { sessionId: "bad" })).rejects.toMatchObject({ status: "DATA_LOSS" });
    expect((await rig.join("ann", { sessionId: "bad" })).ended).toMatchObject({ status: "DATA_LOSS" });
    expect((await rig.join("ann", { sessionId: "good" })).ended).toBeUndefined();
  });

  test("many sessions cost nothing once nobody is in them", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 1_000 });
    for (let i = 0; i < 2_000; i++) await rig.send({ userId: "bot", sessionId: `s${i}`, message: "x" });
    await rig.advance(62_000, 1_000);
    expect([...rig.collaboration.rooms.all]).toHaveLength(0);
    const ann = await rig.join("ann", { sessionId: "s7" });
    expect(ann.said).toEqual(["bot: x"]);
    expect((await rig.ask(M.listSessions, { limit: 10_000 })).sessions).toHaveLength(2_000);
  });
});

describe("the messages of a session", () => {
  test("come in pages, ascending, from the last one back", async () => {
    await using rig = await Rig.open();
    for (let i = 1; i <= 250; i++) {
      await rig.send({ userId: "ann", sessionId: "s", message: `m${i}` });
      await rig.send({ userId: "ann", sessionId: "other", message: "x" });
      await rig.advance(40);
    }
    const found: number[] = [];
    for (let before = ""; ;) {
      const { messages, more } = await rig.ask(M.listMessages, { sessionId: "s", before });
      expect(messages.length).toBe(more ? 100 : 50);
      found.unshift(...messages.map(({ number }) => Number(number)));
      if (!more) break;
      before = messages[0].cursor;
    }
    expect(found).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    const { messages, more } = await rig.ask(M.listMessages, { sessionId: "s", limit: 1 });
    expect([messages[0].message, more]).toEqual(["m250", true]);
    const watcher = await rig.watch({ userId: "ann", sessionId: "s", cursor: messages[0].cursor });
    expect(watcher.said).toEqual([]);
    await expect(rig.ask(M.listMessages, { sessionId: "s", limit: 1_001 })).rejects.toThrow("limit is 1001");
    await expect(rig.ask(M.listMessages, { sessionId: "s", before: "x" })).rejects.toMatchObject({
      status: "INVALID_ARGUMENT",
      violations: [{ field: "before" }],
    });
  });

  test("end pages by their size, too, each with one message at least", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 1_000 });
    for (let i = 0; i < 100; i++) {
      await rig.send({ userId: "ann", sessionId: "s", message: `${i} `.padEnd(64 * 1024, "x") });
    }
    const found: number[] = [];
    for (let before = ""; ;) {
      const answer = await rig.ask(M.listMessages, { sessionId: "s", before });
      const { messages, more } = answer;
      expect(messages).not.toEqual([]);
      expect(toBinary(M.listMessages.output, answer).length).toBeLessThan(1024 * 1024 + 1_000);
      found.unshift(...messages.map(({ number }) => Number(number)));
      if (!more) break;
      before = messages[0].cursor;
    }
    expect(found).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    const { messages, more } = await rig.ask(M.listMessages, { sessionId: "s", limit: 16, before: "cursor-16" });
    expect([messages.length, more]).toEqual([15, false]);
    const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, "x".repeat(100_000)]));
    const huge = { type: "chat", userId: "ann", userName: "", text: "", metadata } as const;
    await rig.kept.append([eventOf(huge, "s", 101, rig.clock.nowMs())]);
    const last = await rig.ask(M.listMessages, { sessionId: "s" });
    expect([last.messages.map(({ number }) => Number(number)), last.more]).toEqual([[101], true]);
  });

  test("one that cannot be read costs only itself", async () => {
    await using rig = await Rig.open();
    for (let i = 1; i <= 150; i++) {
      await rig.send({ userId: "ann", sessionId: "s", message: `m${i}`, metadata: { client_message_id: `id-${i}` } });
      await rig.advance(40);
    }
    for (const at of [10, 140]) rig.kept.entries[at] = { ...rig.kept.entries[at], payload: "{" };
    await rig.crash();
    const { messages } = await rig.ask(M.listMessages, { sessionId: "s", limit: 1_000 });
    expect(messages).toHaveLength(148);
    const ann = await rig.watch({ userId: "ann", sessionId: "s", last: 1_000 });
    expect(ann.said).toHaveLength(148);
    const back = await rig.watch({ userId: "ann", sessionId: "s", cursor: messages[0].cursor });
    expect([back.ended, back.said.length]).toEqual([undefined, 147]);
    const again = await rig.send({
      userId: "ann",
      sessionId: "s",
      message: "m5",
      metadata: { client_message_id: "id-5" },
    });
    expect(again).toMatchObject({ repeated: true, message: { number: 5n } });
    expect(rig.trouble).not.toEqual([]);
    expect(new Set(rig.trouble).size).toBe(rig.trouble.length);
  });
});

describe("an imported session", () => {
  test("is read, and nothing else", async () => {
    await using rig = await Rig.open();
    await importInto(rig, "old");
    const inert = { status: "FAILED_PRECONDITION", message: expect.stringContaining("session old was imported") };
    expect((await rig.join("ann", { sessionId: "old" })).ended).toMatchObject(inert);
    expect((await rig.watch({ userId: "ann", sessionId: "old" })).ended).toMatchObject(inert);
    await expect(rig.send({ userId: "ann", sessionId: "old", message: "x" })).rejects.toMatchObject(inert);
    for (const method of [M.closeSession, M.reopenSession] as const) {
      await expect(rig.ask(method as typeof M.closeSession, { sessionId: "old" })).rejects.toMatchObject({
        status: "FAILED_PRECONDITION",
      });
    }
    await expect(rig.ask(M.updateSession, { sessionId: "old", title: "x" })).rejects.toMatchObject(inert);
    expect((await rig.ask(M.getSession, { sessionId: "old" })).session).toMatchObject({
      state: IMPORTED,
      messages: 7n,
    });
    await expect(rig.ask(M.createSession, { sessionId: "old" })).rejects.toMatchObject({ status: "ALREADY_EXISTS" });
  });
});

describe("a scope", () => {
  test("hides the sessions of a topic from those that may not see them, in everything", async () => {
    await using rig = await Rig.open();
    const as = (name: string) => seeing(name, { devices: [`${name}-*`] });
    await rig.ask(M.createSession, { sessionId: "s", topic: { devices: ["north-1"] } }, as("north"));
    const member = await rig.join("north", { sessionId: "s" }, as("north"));
    const none = { status: "NOT_FOUND", message: 'there is no session "s"' };
    const south = as("south");
    const sessionId = "s";
    expect((await rig.join("x", { sessionId }, south)).ended).toMatchObject(none);
    expect((await rig.watch({ sessionId }, south)).ended).toMatchObject(none);
    await expect(rig.send({ sessionId, message: "x" }, south)).rejects.toMatchObject(none);
    for (const method of [M.getSession, M.closeSession, M.reopenSession, M.updateSession, M.listMessages] as const) {
      await expect(rig.ask(method as typeof M.getSession, { sessionId }, south)).rejects.toMatchObject(none);
    }
    expect((await rig.ask(M.listSessions, {}, south)).sessions).toEqual([]);
    expect((await rig.ask(M.listSessions, {}, as("north"))).sessions).toHaveLength(1);
    expect(member.kept.map(({ message }) => message)).toEqual(["session s was opened", "north joined"]);
    expect(rig.collaboration.rooms.streams).toBe(1);
  });
});

describe("retention", () => {
  test("forgets sessions and their client ids after the last that was said, not those somebody is in", async () => {
    await using rig = await Rig.open({ messagesPerSecond: 1_000 });
    const send = (sessionId: string, id: string) =>
      rig.send({ userId: "ann", sessionId, message: id, metadata: { client_message_id: id } });
    for (let i = 0; i < 900; i++) await send("old", `id-${i}`);
    await send("lively", "first");
    const ann = await rig.join("ann", { sessionId: "here" });
    await importInto(rig, "imported", { topic: { devices: ["d"] } });
    await rig.advance(HOUR_MS, HOUR_MS / 2);
    await send("lively", "second");
    await rig.ask(M.createSession, { sessionId: "young" });
    await rig.kept.append([], [{ collection: SESSIONS, key: "bad", sort: 1, value: "{" }]);
    await rig.advance(120_000, 60_000);
    while (await rig.collaboration.forgetOld(rig.clock.nowMs() - HOUR_MS / 2));
    const { sessions } = await rig.ask(M.listSessions, {});
    expect(sessions.map(({ id }) => id).sort()).toEqual(["here", "lively", "young"]);
    expect(rig.kept.count(SESSIONS)).toBe(4);
    expect(rig.kept.count(sessionsAbout("device", "d"))).toBe(0);
    expect([rig.kept.count(sentCollection("old")), rig.kept.count(sentCollection("lively"))]).toEqual([0, 2]);
    expect(ann.ended).toBeUndefined();
  });

  test("one of the name of a forgotten session begins anew, without what was said in that one", async () => {
    await using rig = await Rig.open();
    const ann = await rig.join("ann", { sessionId: "s" });
    ann.say("secret", "id");
    await settle();
    const { cursor } = ann;
    await ann.end();
    await rig.advance(HOUR_MS, HOUR_MS / 2);
    await rig.advance(120_000, 60_000);
    while (await rig.collaboration.forgetOld(rig.clock.nowMs() - HOUR_MS / 2));
    const ben = await rig.join("ben", { sessionId: "s" });
    expect(ben.kept.map(({ number, message }) => [Number(number), message])).toEqual([[1, "ben joined"]]);
    const { messages, more } = await rig.ask(M.listMessages, { sessionId: "s" });
    expect([messages.map(({ message }) => message), more]).toEqual([["ben joined"], false]);
    const back = await rig.watch({ userId: "ben", sessionId: "s", cursor });
    expect(back.kept.map(({ message }) => message)).toEqual(["ben joined"]);
    const { message, repeated } = await rig.send({
      userId: "ann",
      sessionId: "s",
      message: "new",
      metadata: { client_message_id: "id" },
    });
    expect([repeated, message!.number]).toEqual([false, 2n]);
  });

  test("a session that somebody joins while it is being forgotten keeps its numbers", async () => {
    await using rig = await Rig.open({ stepped: true, messagesPerSecond: 1_000 });
    rig.journal.isStepped = false;
    const ann = await rig.join("ann", { sessionId: "s" });
    for (let i = 0; i < 900; i++) ann.say(`m${i}`, `id-${i}`);
    await settle();
    await ann.end();
    await rig.advance(HOUR_MS, HOUR_MS / 2);
    await rig.advance(120_000, 60_000);
    rig.journal.isStepped = true;
    const forgetting = rig.collaboration.forgetOld(rig.clock.nowMs() - HOUR_MS / 2);
    await settle();
    await rig.journal.stepRead();
    await settle();
    const joining = rig.join("ben", { sessionId: "s" });
    for (let i = 0; i < 20; i++) {
      await settle();
      await rig.journal.stepAll();
    }
    await forgetting;
    await joining;
    rig.journal.isStepped = false;
    const { session } = await rig.ask(M.getSession, { sessionId: "s" });
    await rig.crash();
    rig.journal.isStepped = false;
    const { session: after } = await rig.ask(M.getSession, { sessionId: "s" });
    expect(after!.messages).toBe(session!.messages);
    const { messages } = await rig.ask(M.listMessages, { sessionId: "s" });
    const numbers = messages.map(({ number }) => Number(number));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => numbers[0] + i));
  });
});
