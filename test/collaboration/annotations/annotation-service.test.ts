/** The service's methods over a journal: making, editing, removing, history, lists, sessions, what is damaged. */
import { expect, test } from "bun:test";
import { LENGTH_CLASSES } from "../../../src/collaboration/annotations/annotation-documents.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";
import { AnnotationSchema } from "../../../src/wire/gen/annotations_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { unpacked } from "../../../src/wire/status.ts";
import { msOfTimestamp } from "../../../src/wire/timestamp.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { AnnotationsRig, at, DAY_MS, failureOf, MINUTE_MS, START_MS } from "./rig.ts";

const { createAnnotation, editAnnotation, removeAnnotation, getAnnotation, listAnnotations } = Collaboration.method;
const DAYS = DAY_MS / MINUTE_MS;

test("made, edited, removed: each a revision, all of them in the history, also after a restart", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m", device: "d" }, from: at(1), text: "one", tags: ["x"] });
  rig.clock.advance(1_000);
  await rig.call(editAnnotation, { id, userId: "bob", revision: 1n, text: "two", to: at(3) });
  rig.clock.advance(1_000);
  rig.restart();
  const { annotation } = await rig.call(removeAnnotation, { id, revision: 2n });
  expect(annotation).toMatchObject({ id, text: "two", author: "ann", editedBy: "caller", revision: 3n, removed: true });
  rig.restart();
  const { annotation: kept, history } = await rig.call(getAnnotation, { id });
  expect(kept).toEqual(annotation!);
  expect(
    history.map(({ revision, at: time, userId, text, to, tags, removed }) => {
      return [revision, msOfTimestamp(time!) - START_MS, userId, text, to !== undefined, tags, removed];
    }),
  ).toEqual([
    [1n, 0, "ann", "one", false, ["x"], false],
    [2n, 1_000, "bob", "two", true, ["x"], false],
    [3n, 2_000, "caller", "two", true, ["x"], true],
  ]);
});

test("an edit of a revision that is not the current one is ABORTED, and says which is and who made it", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m" } });
  const edits = ["bob", "cleo", "dan"].map((userId) => {
    return failureOf(rig.call(editAnnotation, { id, userId, revision: 1n, text: `by ${userId}` }));
  });
  const [first, ...others] = await Promise.all(edits);
  expect(first).toStartWith("no failure");
  const aborted = `ABORTED revision 1 of the annotation "${id}" is not the current one, which is 2, made by "bob" at 2026-01-01T00:00:00.000Z; read it and change that`;
  expect(others).toEqual([aborted, aborted]);
  expect(await failureOf(rig.call(removeAnnotation, { id, revision: 1n }))).toBe(aborted);
  expect(await failureOf(rig.call(editAnnotation, { id, userId: "eve", text: "whichever" }))).toStartWith("no failure");
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) => rig.call(editAnnotation, { id, userId: "eve", text: `text ${i}` })),
  );
  expect(all.map(({ annotation }) => annotation!.revision)).toEqual(all.map((_, i) => BigInt(4 + i)));
  expect(await rig.list()).toEqual(["text 19"]);
});

test("the annotation as it is comes with ABORTED, unless it is too long for that", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m" } });
  const current = async () => {
    try {
      await rig.call(editAnnotation, { id, revision: 9n, text: "x" });
    } catch (error) {
      return unpacked(error as WatchpostError, AnnotationSchema);
    }
    throw new Error("it was edited");
  };
  expect(await current()).toMatchObject({ id, text: "a note", revision: 1n });
  await rig.call(editAnnotation, { id, text: "x".repeat(5_000) });
  expect(await current()).toBeUndefined();
});

test("what was removed is not edited, removing it again changes nothing, and none is NOT_FOUND", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m" } });
  await rig.call(removeAnnotation, { id });
  expect((await rig.call(removeAnnotation, { id, revision: 1n })).annotation).toMatchObject({ revision: 2n });
  expect(await failureOf(rig.call(editAnnotation, { id, text: "x" }))).toBe(
    `FAILED_PRECONDITION the annotation "${id}" was removed by "caller" at 2026-01-01T00:00:00.000Z; wanted one that stands`,
  );
  const none = 'NOT_FOUND there is no annotation "none"';
  expect(await failureOf(rig.call(editAnnotation, { id: "none", text: "x" }))).toBe(none);
  expect(await failureOf(rig.call(removeAnnotation, { id: "none" }))).toBe(none);
  expect(await failureOf(rig.call(getAnnotation, { id: "none" }))).toBe(none);
});

test("nothing is kept of what the journal refuses", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  const { id } = await rig.create({ pin: { metric: "m" } });
  journal.failure = new Error("disk full");
  expect(await failureOf(rig.call(editAnnotation, { id, text: "other" }))).toBe("Error: disk full");
  expect(await failureOf(rig.call(createAnnotation, { text: "x", pin: { metric: "m" } }))).toBe("Error: disk full");
  journal.failure = null;
  expect(await rig.list()).toEqual(["a note"]);
  await rig.call(editAnnotation, { id, revision: 1n, text: "other" });
  expect(await rig.list()).toEqual(["other"]);
});

test("lists: those that touch the range, the latest first, whatever their length", async () => {
  const rig = new AnnotationsRig();
  const make = (text: string, from: number, to?: number) => {
    return rig.create({ pin: { metric: "m" }, text, from: at(from), ...(to === undefined ? {} : { to: at(to) }) });
  };
  await make("point", 10 * DAYS);
  await make("half an hour", 10 * DAYS - 20, 10 * DAYS + 10);
  await make("half a day", 9.7 * DAYS, 10.2 * DAYS);
  await make("two weeks", 0, 14 * DAYS);
  await make("all year", 0.5 * DAYS, 365 * DAYS);
  await make("over before", 9 * DAYS, 10 * DAYS);
  await make("point after", 10 * DAYS + 1);
  const range = { from: at(10 * DAYS), to: at(10 * DAYS + 1) };
  expect(await rig.list(range)).toEqual(["point", "half an hour", "half a day", "all year", "two weeks"]);
  expect(await rig.list({ from: at(10 * DAYS + 1) })).toEqual([
    "point after",
    "half an hour",
    "half a day",
    "all year",
    "two weeks",
  ]);
  expect(await rig.list({ to: at(0.5 * DAYS) })).toEqual(["two weeks"]);
  expect((await rig.list()).length).toBe(7);
  expect(await failureOf(rig.list({ from: at(1), to: at(1) }))).toContain("INVALID_ARGUMENT to is");
});

test("an edit may move one to another length", async () => {
  const rig = new AnnotationsRig();
  const journal = rig.journal as MemoryJournal;
  const { id } = await rig.create({ pin: { alertId: "a1", sessionId: "s1" }, from: at(0), sessionId: "s2" });
  const counts = () => LENGTH_CLASSES.map(({ collection }) => journal.count(collection));
  expect(counts()).toEqual([1, 0, 0, 0]);
  for (const [to, expected] of [
    [60, [1, 0, 0, 0]],
    [61, [0, 1, 0, 0]],
    [400 * DAYS, [0, 0, 0, 1]],
    [2 * DAYS, [0, 0, 1, 0]],
  ] as const) {
    await rig.call(editAnnotation, { id, to: at(to) });
    expect(counts()).toEqual([...expected]);
    expect(await rig.list({ filter: { alertId: "a1" } })).toEqual(["a note"]);
    expect(await rig.list({ filter: { sessionId: "s1" } })).toEqual(["a note"]);
    expect(await rig.list({ filter: { sessionId: "s2" } })).toEqual(["a note"]);
  }
});

test("pages: all of them once, also where several begin at one time, and where little of much is wanted", async () => {
  const rig = new AnnotationsRig();
  for (let i = 0; i < 130; i++) {
    const pin = { metric: i % 10 === 0 ? "rare" : "m" };
    const to = i % 3 === 0 ? { to: at(Math.floor(i / 4) + 100 * (i % 7) + 1) } : {};
    await rig.create({ pin, text: `${i}`, from: at(Math.floor(i / 4)), ...to });
  }
  for (const [metric, count] of [
    ["*", 130],
    ["rare", 13],
  ] as const) {
    const texts: string[] = [];
    for (let page = ""; ;) {
      const answer = await rig.call(listAnnotations, { filter: { metric }, limit: 7, page });
      texts.push(...answer.annotations.map(({ text }) => text));
      page = answer.nextPage;
      if (page === "") break;
      expect(answer.annotations.length).toBeLessThanOrEqual(7);
    }
    expect(texts.length).toBe(count);
    expect(new Set(texts).size).toBe(count);
    expect(texts).toEqual(await rig.list({ filter: { metric } }));
  }
  expect(await failureOf(rig.list({ page: "x" }))).toContain("INVALID_ARGUMENT page is");
  expect(await failureOf(rig.list({ limit: 1_001 }))).toBe("INVALID_ARGUMENT limit is 1001; wanted 0 to 1000");
});

test("pages are cut where they grow large", async () => {
  const rig = new AnnotationsRig();
  for (let i = 0; i < 100; i++) await rig.create({ pin: { metric: "m" }, text: "x".repeat(16_000) });
  const first = await rig.call(listAnnotations, {});
  expect(first.annotations.length).toBeGreaterThan(60);
  expect(first.annotations.length).toBeLessThan(70);
  const second = await rig.call(listAnnotations, { page: first.nextPage });
  expect([first.annotations.length + second.annotations.length, second.nextPage]).toEqual([100, ""]);
});

test("a short range of a long past reads little of it", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  for (let day = 0; day < 500; day++) {
    const to = day % 2 === 0 ? {} : { to: at(day * DAYS + 30) };
    await rig.create({ pin: { metric: "m" }, text: `day ${day}`, from: at(day * DAYS), ...to });
  }
  let read = 0;
  const documents = journal.documents.bind(journal);
  journal.documents = async (query) => {
    const found = await documents(query);
    read += found.length;
    return found;
  };
  expect(await rig.list({ from: at(250 * DAYS), to: at(252 * DAYS) })).toEqual(["day 251", "day 250"]);
  expect(read).toBeLessThanOrEqual(50);
});

test("removed ones are listed where that is asked for", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m" } });
  await rig.call(removeAnnotation, { id });
  expect(await rig.list()).toEqual([]);
  expect(await rig.list({ includeRemoved: true })).toEqual(["a note"]);
});

test("one made in a session is told there in the same transaction, as are its edits and its removal", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  const { id } = await rig.create({ sessionId: "s1", text: "look" });
  expect(journal.appends).toBe(1);
  await rig.call(editAnnotation, { id, userId: "bob", text: "look here" });
  await rig.call(editAnnotation, { id, userId: "bob", text: "look here" });
  await rig.call(removeAnnotation, { id, userId: "cleo" });
  expect(journal.appends).toBe(3);
  expect(rig.sessions.told()).toEqual([
    "s1 1 annotation ann: look create r1",
    "s1 2 annotation bob: look here edit r2",
    "s1 3 annotation cleo: look here remove r3",
  ]);
});

test("one that was made in a session that is forgotten opens no new one", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ sessionId: "s1", text: "look" });
  rig.sessions.told();
  rig.sessions.forget("s1");
  await rig.call(removeAnnotation, { id });
  expect([await rig.list(), rig.sessions.told()]).toEqual([[], []]);
});

test("none is made in a session that is closed; one that was made before can still be put right", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ sessionId: "s1", text: "look" });
  rig.sessions.told();
  rig.sessions.closed.add("s1");
  expect(await failureOf(rig.create({ sessionId: "s1", text: "late" }))).toBe("FAILED_PRECONDITION s1 is closed");
  await rig.call(editAnnotation, { id, text: "look here" });
  expect(await rig.list()).toEqual(["look here"]);
  expect(rig.sessions.told()).toEqual([]);
});

test("what cannot be read costs only itself, and is said once", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  const one = await rig.create({ pin: { metric: "m" }, text: "one", from: at(1) });
  await rig.create({ pin: { metric: "m" }, text: "two", from: at(2) });
  const { collection } = LENGTH_CLASSES[0];
  await journal.append([], [{ collection, key: one.id, sort: START_MS, value: '{"pin": 7}' }]);
  await journal.append([{ atMs: 0, kind: "annotation", subject: "x", actor: "", payload: "no JSON" }]);
  expect(await rig.list()).toEqual(["two"]);
  expect(await rig.list()).toEqual(["two"]);
  expect(rig.troubles).toEqual([expect.stringContaining(`document "${one.id}" of "annotation.hour"`)]);
  expect(await failureOf(rig.call(getAnnotation, { id: one.id }))).toContain("DATA_LOSS");
  const watcher = rig.watch({ from: at(0), cursor: journal.cursorOf(0) });
  expect(await watcher.said()).toEqual(["one r1", "two r1"]);
  await watcher.close();
});
