/** Replays of long sessions read what they show; what a session was about is found once, and goes on with it. */
import { expect, test } from "bun:test";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { contextOf, ReplayRig, START_MS } from "./replay-rig.ts";

const MESSAGES = 3_000;

async function longSession(rig: ReplayRig): Promise<void> {
  await rig.session("s");
  for (let i = 0; i < MESSAGES; i++) {
    await rig.say("s", `text ${i}`);
    rig.clock.advance(1_000);
  }
}

/** Entries of sessions that are read from now on. */
function countReads(rig: ReplayRig): { entries: number } {
  const read = rig.journal.read.bind(rig.journal);
  const counted = { entries: 0 };
  rig.journal.read = async (query) => {
    const entries = await read(query);
    counted.entries += entries.filter(({ kind }) => kind === "session").length;
    return entries;
  };
  return counted;
}

test("a replay of the end reads the end", async () => {
  using rig = new ReplayRig();
  await longSession(rig);
  const fromMs = START_MS + (MESSAGES - 10) * 1_000;
  const first = await rig.replay("s", { fromMs });
  const counted = countReads(rig);
  expect((await rig.replay("s", { fromMs })).events).toEqual(first.events);
  expect(first.heard).toHaveLength(10);
  expect(counted.entries).toBeLessThan(1_000);
});

test("a replay from any time shows what a replay of all shows from there", async () => {
  using rig = new ReplayRig();
  await longSession(rig);
  const all = (await rig.replay("s")).heard;
  for (const second of [0, 1, 499, 500, 501, 999, 1_000, 1_499, 2_998, 2_999]) {
    expect((await rig.replay("s", { fromMs: START_MS + second * 1_000 })).heard).toEqual(all.slice(second));
    expect((await rig.replay("s", { fromMs: START_MS + second * 1_000 - 1 })).heard).toEqual(all.slice(second));
  }
});

test("what is said after a replay is in the next one, with what it is about", async () => {
  using rig = new ReplayRig();
  await rig.session("s");
  await rig.say("s", "begins");
  await rig.replay("s");
  rig.clock.advance(1_000);
  const alert = await rig.alert("a1", AlertChange.FIRED, "fan");
  rig.clock.advance(1_000);
  const said = await rig.say("s", "ack", { type: "action", metadata: { alert_id: "a1" } });
  expect((await rig.replay("s")).heard).toEqual(["message 1 begins", alert, said]);
});

test("what is kept no longer is not said to be there", async () => {
  using rig = new ReplayRig();
  await rig.session("s");
  await rig.say("s", "gone");
  rig.clock.advance(1_000);
  await rig.say("s", "there");
  await rig.replay("s");
  rig.journal.entries.shift();
  rig.journal.firstPosition = 2;
  const later = await rig.replay("s");
  expect(later.heard).toEqual(["message 2 there"]);
  expect(later.timesMs[0]).toBe(START_MS + 1_000);
  expect(later.marks[0].missing).toBe("messages before number 2 are not kept any more");
});

test("a session of a name that was used before has what was said in it alone", async () => {
  using rig = new ReplayRig();
  await rig.session("lobby");
  await rig.say("lobby", "of the one before", { type: "action", metadata: { device: "pump-1" } });
  await rig.replay("lobby");
  rig.clock.advance(86_400_000);
  await rig.session("lobby");
  rig.numberAgain("lobby");
  const said = await rig.say("lobby", "new");
  await rig.alert("a1", AlertChange.FIRED, "pump-1");
  const replayed = await rig.replay("lobby");
  expect(replayed.heard).toEqual([said]);
  expect(replayed.marks[0].missing).toBe("");
  expect(await rig.import(await rig.export("lobby"), "copy")).toBe("copy");
});

test("who goes away while a session is looked through is not read for", async () => {
  using rig = new ReplayRig();
  await longSession(rig);
  const counted = countReads(rig);
  const leaving = new AbortController();
  const read = rig.journal.read;
  rig.journal.read = async (query) => {
    const entries = await read(query);
    if (counted.entries >= 1_000) leaving.abort(new Error("gone"));
    return entries;
  };
  await expect(rig.replay("s", {}, contextOf(leaving.signal))).rejects.toThrow("gone");
  expect(counted.entries).toBeLessThan(2_000);
  expect((await rig.replay("s")).heard).toHaveLength(MESSAGES);
});
