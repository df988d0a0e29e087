/** What a replay shows that was asked for no range: what led to an incident is part of its session. */
import { expect, test } from "bun:test";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { msOfTimestamp } from "../../../src/wire/timestamp.ts";
import { ReplayRig, START_MS } from "./replay-rig.ts";

const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

/** When a session begins by default whose alerts rose so long before its first message. */
async function beginsMs(rig: ReplayRig, risesMs: readonly number[]): Promise<number> {
  const alertIds = risesMs.map((_, i) => `a${i}`);
  for (const [i, riseMs] of risesMs.entries()) {
    await rig.alert(`a${i}`, AlertChange.FIRED, "fan", "", START_MS - riseMs);
    await rig.alert(`a${i}`, AlertChange.UPDATED, "fan", "", START_MS - DAY_MS / 2);
  }
  await rig.session("s", { alertIds });
  await rig.say("s", "begins");
  return beginOf(rig, "s");
}

async function beginOf(rig: ReplayRig, sessionId: string): Promise<number> {
  return msOfTimestamp((await rig.replay(sessionId, { metrics: ["-"] })).marks[0].from!);
}

for (const [what, risesMs, wantedMs] of [
  ["none", [], START_MS],
  ["one", [5_000], START_MS - 5_000 - MINUTE_MS],
  ["the earliest of some", [5_000, 9_000, 1_000], START_MS - 9_000 - MINUTE_MS],
  ["one of a day before", [DAY_MS - MINUTE_MS], START_MS - DAY_MS],
  ["one of longer before, which does not count, and another", [DAY_MS, 5_000], START_MS - 5_000 - MINUTE_MS],
  ["one that rose later", [-2 * MINUTE_MS], START_MS],
  ["more than are looked at", [...Array<number>(100).fill(0), 5_000], START_MS - MINUTE_MS],
] as const) {
  test(`a session about alerts: ${what}`, async () => {
    using rig = new ReplayRig();
    expect(await beginsMs(rig, risesMs)).toBe(wantedMs);
  });
}

test("a range that is asked for stays as it is, and a file begins where its session did", async () => {
  using rig = new ReplayRig();
  const wantedMs = await beginsMs(rig, [5_000]);
  const asked = await rig.replay("s", { fromMs: START_MS - 1 });
  expect(msOfTimestamp(asked.marks[0].from!)).toBe(START_MS - 1);
  using other = new ReplayRig();
  await other.import(await rig.export("s"));
  expect(await beginOf(other, "s")).toBe(wantedMs);
  expect((await other.replay("s")).marks[0].missing).toBe("");
});

test("an alert that cannot be read does not count", async () => {
  using rig = new ReplayRig();
  await rig.journal.append([{ atMs: START_MS, kind: "alert", subject: "a0", actor: "", payload: "{" }]);
  await rig.session("s", { alertIds: ["a0", "unheard of"] });
  await rig.say("s", "begins");
  expect(await beginOf(rig, "s")).toBe(START_MS);
});
