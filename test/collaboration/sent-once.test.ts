/** A message with an id of its client's is kept once, however often it is sent, and confirmed each time. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { sentCollection, sentKey } from "../../src/collaboration/session-documents.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { Commands } from "../../src/wire/call-method.ts";
import { AlertResponseSchema, ListAlertsResponseSchema } from "../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Rig, settle, type Member } from "./rig.ts";

const confirmations = ({ got }: Member) =>
  got
    .filter(({ metadata }) => metadata["event"] === "confirmed")
    .map(({ metadata, number }) => `${metadata["client_message_id"]}: ${number}`);

test("over one stream, another one, another connection and a restart", async () => {
  await using rig = await Rig.open();
  const ann = await rig.join("ann");
  const ben = await rig.join("ben");
  for (let i = 0; i < 3; i++) ben.say("one", "id-1");
  await settle();
  expect(confirmations(ben)).toEqual(["id-1: 3", "id-1: 3", "id-1: 3"]);
  const tab = await rig.join("ben");
  tab.say("one", "id-1");
  await settle();
  expect(confirmations(tab)).toEqual(["id-1: 3"]);
  expect(ann.said).toEqual(["ben: one"]);
  await rig.crash();
  const back = await rig.join("ben");
  back.say("one", "id-1");
  await settle();
  expect(confirmations(back)).toEqual(["id-1: 3"]);
  // A cursor only where everything before it was told.
  expect(
    ben.got.filter(({ metadata }) => metadata["event"] === "confirmed").map(({ cursor }) => cursor !== ""),
  ).toEqual([true, false, false]);
  expect(back.said).toEqual(["ben: one"]);
});

test("also where it is sent again before the first one is kept", async () => {
  await using rig = await Rig.open({ stepped: true });
  rig.journal.isStepped = false;
  const ann = await rig.join("ann");
  const one = await rig.join("ben");
  const two = await rig.join("ben");
  rig.journal.isStepped = true;
  one.say("x", "id");
  two.say("x", "id");
  const third = rig.send({ userId: "ben", message: "x", metadata: { client_message_id: "id" } });
  for (let i = 0; i < 10; i++) {
    await settle();
    await rig.journal.stepAll();
  }
  expect((await third).repeated).toBe(true);
  expect(ann.said).toEqual(["ben: x"]);
  expect([confirmations(one), confirmations(two)]).toEqual([["id: 3"], ["id: 3"]]);
});

test("each user and each session has ids of its own", async () => {
  await using rig = await Rig.open();
  const send = async (userId: string, sessionId: string) => {
    const metadata = { client_message_id: "id" };
    const { repeated, message } = await rig.send({ userId, sessionId, message: "x", metadata });
    return `${repeated} ${message!.number}`;
  };
  expect(await send("ann", "s")).toBe("false 1");
  expect(await send("ben", "s")).toBe("false 2");
  expect(await send("ann", "t")).toBe("false 1");
  expect(await send("ann", "s")).toBe("true 1");
  expect(rig.kept.count(sentCollection("s"))).toBe(2);
});

test("SendMessage answers with what was kept, also the second time; what the journal no longer has is repeated alone", async () => {
  await using rig = await Rig.open();
  const send = () => rig.send({ userId: "ann", message: "x", metadata: { client_message_id: "id" } });
  const first = await send();
  for (let i = 0; i < 250; i++) {
    await rig.send({ userId: "ben", message: String(i) });
    await rig.advance(20);
  }
  expect(first.message).toMatchObject({ number: 1n, message: "x", messageType: "chat", userId: "ann" });
  expect(await send()).toEqual({ ...first, repeated: true });
  const wanted = rig.kept.entries.findIndex(({ payload }) => payload.includes('"id"'));
  rig.kept.entries.splice(wanted, 1);
  expect(await send()).toMatchObject({ repeated: true, message: { number: 1n, message: "" } });
});

test("the confirmation of a message that SendMessage sent goes to the stream it names, which is not told it", async () => {
  await using rig = await Rig.open();
  const ann = await rig.watch({ userId: "ann" });
  const other = await rig.watch({ userId: "ann" });
  const ben = await rig.watch({ userId: "ben" });
  const metadata = { stream_id: ann.streamId, client_message_id: "id" };
  const { message } = await rig.send({ userId: "ann", message: "x", metadata });
  await settle();
  expect([message, ben.kept.at(-1)!].map((each) => each!.metadata)).toEqual(Array(2).fill({ client_message_id: "id" }));
  expect([ann.said, other.said, ben.said]).toEqual([[], ["ann: x"], ["ann: x"]]);
  expect([confirmations(ann), confirmations(other)]).toEqual([["id: 3"], []]);
  // A stream is nobody's secret: what others send is told to it all the same.
  await rig.send({ userId: "ben", message: "y", metadata: { stream_id: ann.streamId } });
  await rig.send({ userId: "ann", message: "z", metadata: { stream_id: "none" } });
  await settle();
  expect(ann.said).toEqual(["ben: y", "ann: z"]);
});

describe("an action", () => {
  const comment = { action: "comment", alert_id: "a-1", client_message_id: "c1" };

  /** Counts what is carried out; `failure` is thrown in its place. */
  function alerts() {
    const carried = { comments: 0, failure: undefined as Error | undefined };
    const commands = (async (method: { name: string }) => {
      if (carried.failure !== undefined) throw carried.failure;
      if (method.name === "CommentAlert") carried.comments++;
      const alert = { id: "a-1", title: "hot", severity: "high" };
      if (method.name === "ListAlerts") return create(ListAlertsResponseSchema, { alerts: [alert] });
      return create(AlertResponseSchema, { alert });
    }) as unknown as Commands;
    return { carried, commands };
  }

  test("that its session would not take is not carried out", async () => {
    const { carried, commands } = alerts();
    await using rig = await Rig.open({ commands });
    await rig.send({ userId: "ann", sessionId: "s", message: "hello" });
    await rig.ask(Collaboration.method.closeSession, { sessionId: "s", userId: "ann" });
    const message = { userId: "ann", sessionId: "s", messageType: "action", message: "x", metadata: comment };
    await expect(rig.send(message)).rejects.toMatchObject({ status: "FAILED_PRECONDITION" });
    expect(carried.comments).toBe(0);
  });

  test("that is not the same when it is done twice is never done twice", async () => {
    const { carried, commands } = alerts();
    await using rig = await Rig.open({ commands });
    const message = { userId: "ann", sessionId: "s", messageType: "action", message: "x", metadata: comment };
    carried.failure = new WatchpostError("UNAVAILABLE", "not now");
    await expect(rig.send(message)).rejects.toMatchObject({ status: "UNAVAILABLE" });
    carried.failure = undefined;
    expect(await rig.send(message)).toMatchObject({ repeated: false });
    expect(await rig.send(message)).toMatchObject({ repeated: true });
    expect(carried.comments).toBe(1);
    // Carried out, and the server ended before it was told.
    const next = { ...message, metadata: { ...comment, client_message_id: "c2" } };
    await rig.kept.append([], [{ collection: sentCollection("s"), key: sentKey("ann", "c2"), sort: 0, value: "{}" }]);
    await expect(rig.send(next)).rejects.toMatchObject({ status: "ABORTED" });
    expect(carried.comments).toBe(1);
  });
});
