/** Recordings as those have them who see a part: series, alerts, notes and issues that are in their scope, stored or from a file. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { AnnotationSchema } from "../../../src/wire/gen/annotations_pb.ts";
import { IssueSchema } from "../../../src/wire/gen/issues_pb.ts";
import { ExportFormat } from "../../../src/wire/gen/replay_pb.ts";
import type { Principal } from "../../../src/wire/service.ts";
import { randomOf } from "../../support/random.ts";
import { seeing } from "../surroundings.ts";
import { contextOf, ReplayRig, START_MS, type Heard } from "./replay-rig.ts";

const { principal: BERTA } = seeing("berta", { sites: ["berlin"] });
const as = (principal: Principal) => contextOf(undefined, principal);
const ALL = as(seeing("ann").principal);

const rig = new ReplayRig();
beforeAll(async () => {
  const { sites } = rig.surroundings;
  sites.set("pump-1", "berlin").set("pump-2", "berlin").set("fan-1", "hamburg");
  await rig.session("s", { metrics: ["temperature"] });
  rig.annotations = ["pump-1", "fan-1"].map((device) =>
    create(AnnotationSchema, { id: device, pin: { device }, text: `a note on ${device}`, madeIn: "s" }),
  );
  rig.issues = ["pump-1", "fan-1"].map((device, i) =>
    create(IssueSchema, { number: BigInt(i), title: `an issue of ${device}`, links: { devices: [device] } }),
  );
  await rig.say("s", "it begins", { type: "action", metadata: { alert_id: "a-fan", device: "pump-2" } });
  await rig.silence("quiet-fan", "fan-.*", 600_000);
  await rig.silence("quiet-pump", "pump-.*", 600_000);
  for (let second = 1; second <= 20; second++) {
    rig.clock.advance(1_000);
    for (const device of ["pump-1", "fan-1", "pump-2"]) {
      rig.send([{ metric: "temperature", device, timeMs: rig.clock.nowMs(), value: second }]);
    }
    if (second === 10) {
      await rig.alert("a-fan", AlertChange.FIRED, "fan-1");
      await rig.alert("a-pump", AlertChange.FIRED, "pump-2");
    }
  }
  await rig.say("s", "it ends");
});
afterAll(() => rig[Symbol.dispose]());

const isOfFan = (text: string) => /fan/.test(text);

for (const now of [false, true]) {
  test(`of a session what is in scope is replayed, and nothing else (${now ? "as known now" : "as seen"})`, async () => {
    const all = await rig.replay("s", { now }, ALL);
    const seen = await rig.replay("s", { now }, as(BERTA));
    expect(all.heard.filter(isOfFan).length).toBeGreaterThan(20);
    expect(seen.heard).toEqual(all.heard.filter((heard) => !isOfFan(heard)));
    expect([all.marks[0].series, seen.marks[0].series]).toEqual([3n, 2n]);
    const more = await rig.replay("s", { now, metrics: ["*"] }, as(BERTA));
    expect(more.heard).toEqual(seen.heard);
  });
}

test("a report tells of what is in scope alone", async () => {
  const report = async (context = ALL) => (await rig.export("s", ExportFormat.MARKDOWN, {}, context)).toString();
  const [all, seen] = [await report(), await report(as(BERTA))];
  for (const part of ["alert a-fan", "a note on fan", "an issue of fan", "temperature site device=fan", "fan-."]) {
    expect([part, all.includes(part), seen.includes(part)]).toEqual([part, true, false]);
  }
  for (const part of ["alert a-pump", "a note on pump", "an issue of pump", "temperature site device=pump"]) {
    expect([part, seen.includes(part)]).toEqual([part, true]);
  }
});

test("a file that was exported with a scope holds what is in it, and replays as that", async () => {
  const file = await rig.export("s", ExportFormat.FILE, {}, as(BERTA));
  const id = await rig.import(file, "of-berta");
  const [replayed, seen] = [await rig.replay(id, {}, ALL), await rig.replay("s", {}, as(BERTA))];
  expect([replayed.standing, replayed.heard]).toEqual([seen.standing, seen.heard]);
});

test("an imported session is replayed and exported again as far as it is in scope", async () => {
  const whole = await rig.export("s");
  const id = await rig.import(whole, "whole");
  const [all, seen] = [await rig.replay(id, {}, ALL), await rig.replay(id, {}, as(BERTA))];
  expect(all.heard.some(isOfFan)).toBe(true);
  expect(seen.heard).toEqual(all.heard.filter((heard) => !isOfFan(heard)));
  expect(seen.marks[0].missing).toContain("silences are left out");
  expect(await rig.export(id, ExportFormat.FILE, {}, ALL)).toEqual(whole);
  const again = await rig.import(await rig.export(id, ExportFormat.FILE, {}, as(BERTA)), "again");
  expect((await rig.replay(again, {}, ALL)).heard).toEqual(seen.heard);
  const report = (await rig.export(id, ExportFormat.MARKDOWN, {}, as(BERTA))).toString();
  expect([isOfFan(report), report.includes("a note on pump")]).toEqual([false, true]);
});

test("notes that were made in an imported session belong to it under whichever name it has here", async () => {
  using other = new ReplayRig();
  other.surroundings.sites.set("pump-1", "berlin").set("pump-2", "berlin");
  other.surroundings.series("temperature", "site", { device: "pump-1" });
  const id = await other.import(await rig.export("s"), "elsewhere");
  const report = (await other.export(id, ExportFormat.MARKDOWN, {}, as(BERTA))).toString();
  expect([isOfFan(report), report.includes("a note on pump")]).toEqual([false, true]);
});

test("a session is not imported by whoever would not see it", async () => {
  using other = new ReplayRig();
  await other.session("f", { devices: ["fan-1"] });
  await other.say("f", "hello");
  const file = await other.export("f");
  await expect(rig.import(file, "mine", as(BERTA))).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: 'topic.devices is "fan-1"; wanted a device in the scope of berta (sites berlin)',
  });
  expect(await rig.import(file, "theirs", as(seeing("hans", { sites: ["hamburg"] }).principal))).toBe("theirs");
});

test("a replay ends within a second where a device of it has moved", async () => {
  using moving = new ReplayRig();
  moving.surroundings.sites.set("pump-1", "berlin").set("pump-2", "berlin").set("fan-1", "hamburg");
  await moving.session("s", { metrics: ["temperature"] });
  await moving.say("s", "it begins");
  moving.send(
    ["pump-1", "pump-2", "fan-1"].map((device) => ({ metric: "temperature", device, timeMs: START_MS, value: 1 })),
  );
  moving.clock.advance(60_000);
  await moving.say("s", "it ends");
  const cuts: string[] = [];
  const leave = new AbortController();
  const context = {
    ...contextOf(leave.signal, BERTA),
    cut: ({ status }: { status: string }) => void cuts.push(status),
  };
  const events = (await moving.stream("s", { speed: 1 }, context))[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) await events.next();
  const settle = async () => {
    moving.clock.advance(1_000);
    for (let i = 0; i < 3; i++) await new Promise((resolve) => void setImmediate(resolve));
  };
  moving.surroundings.move("fan-1", "oslo");
  await settle();
  expect(cuts).toEqual([]);
  moving.surroundings.move("pump-1", "oslo");
  await settle();
  expect(cuts).toEqual(["ABORTED"]);
  leave.abort();
  await events.return!(undefined);
});

for (let seed = 1; seed <= 6; seed++) {
  test(`is what is left of the whole, whatever is in it and in whichever scope (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const below = (count: number) => Math.floor(random() * count);
    const any = <T>(of: readonly T[]): T => of[below(of.length)];
    using whole = new ReplayRig();
    const devices = ["a", "b", "c", "d"];
    for (const device of devices) if (random() < 0.7) whole.surroundings.sites.set(device, any(["x", "y"]));
    await whole.session("s", { metrics: ["m*"] });
    for (const device of devices) await whole.say("s", `about ${device}`, { type: "action", metadata: { device } });
    for (let step = 0; step < 60; step++) {
      whole.clock.advance(1_000 * below(4));
      const timeMs = whole.clock.nowMs() - 1_000 * below(20);
      const dice = random();
      if (dice < 0.15) await whole.alert(`alert-${step}`, AlertChange.FIRED, any(devices));
      else if (dice < 0.2) whole.seal();
      else whole.send([{ metric: any(["m1", "m2", "other"]), device: any(devices), timeMs, value: below(9) }]);
    }
    await whole.say("s", "it ends");
    await whole.import(await whole.export("s"), "file");
    const range = { fromMs: START_MS + 1_000 * below(30) };
    for (let round = 0; round < 4; round++) {
      const patterns = random() < 0.5 ? { sites: [any(["x", "y", "*"])] } : { devices: [any(devices), any(devices)] };
      const { principal } = seeing("v", patterns);
      const isIn = (device: string) => whole.surroundings.scopes.seesDevice(principal.scope, device);
      const alertDevices = new Map<string, string>();
      for (const { kind, subject, payload } of whole.journal.entries) {
        if (kind === "alert") alertDevices.set(subject, JSON.parse(payload).alert.labels.device);
      }
      const isSeen = (heard: Heard) => {
        const [kind, name, device] = heard.split(" ");
        if (kind === "alert") return isIn(alertDevices.get(name)!);
        return kind !== "point" || isIn(device);
      };
      for (const id of ["s", "file"]) {
        for (const now of [false, true]) {
          const [all, seen] = [
            await whole.replay(id, { ...range, now }),
            await whole.replay(id, { ...range, now }, as(principal)),
          ];
          expect(seen.standing).toEqual(all.standing.filter(isSeen));
          expect(seen.heard).toEqual(all.heard.filter(isSeen));
        }
      }
    }
  });
}
