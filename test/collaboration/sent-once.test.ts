/** A message with an id of its client's is kept once, however often it is sent, and confirmed each time. */
import { expect, test } from "bun:test";
import { sentCollection } from "../../src/collaboration/session-documents.ts";
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
  expect(await send()).toMatchObject({ repeated: true });
  expect((await send()).message).toBeUndefined();
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
