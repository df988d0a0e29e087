/** Imports beside people who open sessions: a name is either's, never both's. */
import { memberLimit, RateLimits } from "../../../src/collaboration/rate-limit.ts";
import { expect, test } from "bun:test";
import { ImportedFiles } from "../../../src/collaboration/replay/imported-files.ts";
import { SessionImports } from "../../../src/collaboration/replay/import-session.ts";
import { KeptMessages } from "../../../src/collaboration/kept-messages.ts";
import { Rooms } from "../../../src/collaboration/rooms.ts";
import { SESSIONS, sessionOf } from "../../../src/collaboration/session-documents.ts";
import { SessionState } from "../../../src/wire/gen/collaboration_pb.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { EVERYBODY } from "../surroundings.ts";
import { ReplayRig } from "./replay-rig.ts";

async function exported(): Promise<Buffer> {
  using rig = new ReplayRig();
  await rig.session("pump-1");
  await rig.say("pump-1", "it begins");
  return rig.export("pump-1");
}

test("who posts in a session of that name while it is imported has it, or is refused", async () => {
  const data = await exported();
  const outcomes = new Set<string>();
  for (let step = 0; step < 8; step++) {
    const journal = new MemoryJournal();
    const clock = new ManualClock(Date.UTC(2027, 0, 1));
    const noted = { onTrouble() {}, onJoined() {}, onBehind() {}, onTopic() {} };
    const kept = new KeptMessages(journal, () => {});
    const rooms = await Rooms.open({
      journal,
      kept,
      clock,
      limits: new RateLimits(() => memberLimit(10, 0)),
      newStreamId: () => "1",
      ...noted,
    });
    const hello = { type: "chat" as const, userId: "bob", userName: "", text: "hello", metadata: {} };
    let posting: Promise<boolean> | undefined;
    let steps = 0;
    const turn = () => {
      if (steps++ === step) {
        posting = rooms.post("pump-1", hello).then(
          () => true,
          () => false,
        );
      }
    };
    const { append, document } = journal;
    journal.append = (...given) => (turn(), append.apply(journal, given));
    journal.document = (...given) => (turn(), document.apply(journal, given));
    const imports = new SessionImports({
      journal,
      files: new ImportedFiles(journal),
      isTaken: (id) => rooms.isTaken(id),
      whileAway: (id, run) => rooms.whileAway(id, run),
      nowMs: () => clock.nowMs(),
    });
    const isImported = await imports.import({ data, sessionId: "pump-1", userId: "ann", viewer: EVERYBODY }).then(
      () => true,
      () => false,
    );
    const isPosted = await posting!;
    expect([isImported, isPosted].filter(Boolean)).toHaveLength(1);
    const stored = sessionOf((await journal.document(SESSIONS, "pump-1"))!);
    expect(stored.state).toBe(isImported ? SessionState.IMPORTED : SessionState.OPEN);
    expect(journal.count("session-imports")).toBe(isImported ? 1 : 0);
    outcomes.add(isImported ? "imported" : "posted");
    await rooms.close();
  }
  expect(outcomes).toEqual(new Set(["imported", "posted"]));
});
