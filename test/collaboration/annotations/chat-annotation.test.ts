/** Annotations that are made, edited and removed by messages in a session. */
import { expect, test } from "bun:test";
import { chatAnnotationOf } from "../../../src/collaboration/annotations/chat-annotation.ts";
import type { PostDraft } from "../../../src/collaboration/received-message.ts";
import type { Draft } from "../../../src/collaboration/session-message.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { msOfTimestamp } from "../../../src/wire/timestamp.ts";
import { EVERYBODY } from "../surroundings.ts";
import { AnnotationsRig, at, failureOf, START_MS } from "./rig.ts";

const { editAnnotation } = Collaboration.method;

function draft(text: string, metadata: Readonly<Record<string, string>> = {}, userId = "ann"): Draft {
  return { type: "annotation", userId, userName: "", text, metadata };
}

/** As a room does: what it asks for is carried out, and committed with the message. */
async function say(rig: AnnotationsRig, given: Draft, sessionId = "s1") {
  const post: PostDraft = (done, rows) => rig.sessions.post(sessionId, done, rows);
  return (await rig.annotations.annotateFromChat(given, sessionId, EVERYBODY, post)).annotation!;
}

test("metadata pins it, says when, and tags it", async () => {
  const rig = new AnnotationsRig();
  const metadata = {
    metric: "temperature",
    device: "pump-1",
    source: "gw",
    alert_id: "a1",
    from: "2026-01-01T01:00:00.5+01:00",
    to: String(START_MS + 60_000),
    tags: "works, planned,,",
    "tag.site": "north",
    client_message_id: "7",
  };
  const { pin, from, to, tags, text, author, madeIn } = await say(rig, draft("bearing", metadata));
  expect(pin).toMatchObject({
    metric: "temperature",
    device: "pump-1",
    source: "gw",
    alertId: "a1",
    sessionId: "",
    tags: { site: "north" },
  });
  expect([msOfTimestamp(from!), msOfTimestamp(to!)]).toEqual([START_MS + 500, START_MS + 60_000]);
  expect({ tags, text, author, madeIn }).toEqual({
    tags: ["works", "planned"],
    text: "bearing",
    author: "ann",
    madeIn: "s1",
  });
  expect(await rig.list({ filter: { metric: "temp*", sessionId: "s1" } })).toEqual(["bearing"]);
  expect(rig.sessions.told()).toEqual(["s1 1 annotation ann: bearing create r1"]);
});

test("without a pin it is pinned to the session", async () => {
  const { pin } = await say(new AnnotationsRig(), draft("look at this"));
  expect(pin).toMatchObject({ sessionId: "s1", metric: "", device: "" });
});

test("edited and removed by id, with or without the revision; an empty message leaves the text", async () => {
  const rig = new AnnotationsRig();
  const { id } = await say(rig, draft("one", { tags: "x", to: String(START_MS + 5) }));
  expect(await say(rig, draft("two", { id, action: "edit", revision: "1" }, "bob"))).toMatchObject({
    text: "two",
    tags: ["x"],
    revision: 2n,
    editedBy: "bob",
  });
  const edited = await say(rig, draft("", { id, tags: "", to: "" }));
  expect([edited.text, edited.tags, edited.to]).toEqual(["two", [], undefined]);
  expect(await failureOf(say(rig, draft("late", { id, revision: "1" })))).toContain("ABORTED revision 1");
  expect(await say(rig, draft("", { id, action: "remove" }))).toMatchObject({ removed: true, revision: 4n });
  expect(await rig.list()).toEqual([]);
});

test("messages and calls that edit one at a time come one after the other, and nothing is kept of what is not said", async () => {
  const rig = new AnnotationsRig();
  const { id } = await say(rig, draft("one"));
  const edits = [
    failureOf(say(rig, draft("by chat", { id, revision: "1" }))),
    failureOf(rig.call(editAnnotation, { id, revision: 1n, text: "by call" })),
    failureOf(say(rig, draft("by chat again", { id, revision: "2" }))),
  ];
  const [first, second, third] = await Promise.all(edits);
  expect([first, third].every((said) => said.startsWith("no failure"))).toBe(true);
  expect(second).toContain("ABORTED revision 1");
  expect(await rig.list()).toEqual(["by chat again"]);
  rig.sessions.told();
  rig.sessions.closed.add("s1");
  expect(await failureOf(say(rig, draft("late", { id })))).toBe("FAILED_PRECONDITION s1 is closed");
  expect(await failureOf(say(rig, draft("late")))).toBe("FAILED_PRECONDITION s1 is closed");
  expect(await rig.list()).toEqual(["by chat again"]);
});

test("what is said of an annotation tells which, what was done and what it became", async () => {
  const rig = new AnnotationsRig();
  const { id } = await say(rig, draft("one"));
  await say(rig, draft("", { id, tags: "x" }, "bob"));
  await say(rig, draft("no longer true", { id, action: "remove" }));
  await say(rig, draft("again", { id, action: "remove" }));
  expect(rig.sessions.said.map(({ metadata }) => metadata["id"])).toEqual([id, id, id, id]);
  expect(rig.sessions.told()).toEqual([
    "s1 1 annotation ann: one create r1",
    "s1 2 annotation bob: one edit r2",
    "s1 3 annotation ann: no longer true remove r3",
    "s1 4 annotation ann: again remove r3",
  ]);
});

test("one of another session is changed there; one of none anywhere", async () => {
  const rig = new AnnotationsRig();
  const { id } = await say(rig, draft("one"));
  expect(await failureOf(say(rig, draft("x", { id }), "s2"))).toBe(
    `FAILED_PRECONDITION the annotation "${id}" was made in the session "s1"; edit it there`,
  );
  const free = await rig.create({ pin: { metric: "m" }, from: at(1) });
  expect(await say(rig, draft("", { id: free.id, action: "remove" }), "s2")).toMatchObject({ removed: true });
});

test("what is refused, by name", () => {
  const refusal = (metadata: Readonly<Record<string, string>>) => {
    try {
      chatAnnotationOf(draft("x", metadata), "s1");
      return "taken";
    } catch (error) {
      return String(error).replace("WatchpostError: ", "");
    }
  };
  expect(refusal({ from: "yesterday" })).toContain('metadata["from"] is "yesterday"; wanted RFC 3339');
  expect(refusal({ from: "2026-02-30T00:00:00Z" })).toContain('metadata["from"]');
  expect(refusal({ to: "2026-13-01T00:00:00Z" })).toContain('metadata["to"]');
  expect(refusal({ action: "remove" })).toContain('metadata["id"] is ""; wanted the id of the annotation to remove');
  expect(refusal({ action: "hide", id: "x" })).toContain('metadata["action"] is "hide"');
  expect(refusal({ action: "create", id: "x" })).toContain('metadata["action"] is "create"');
  expect(refusal({ id: "x", revision: "-1" })).toContain('metadata["revision"]');
  expect(refusal({ from: "2026-02-28T23:59:59.123-05:00", to: "1772400000000" })).toBe("taken");
});
