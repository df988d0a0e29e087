/** A replay is what was heard: as seen whatever came later, as known now with it; live or out of a file. */
import { describe, expect, test } from "bun:test";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { randomOf } from "../../store/harness.ts";
import { pointText, ReplayRig, START_MS, type Heard, type Sent } from "./replay-rig.ts";

const DEVICES = ["pump-1", "pump-2", "fan"];

interface Recorded {
  /** In order; what was heard within one moment in order of its kind. */
  readonly heard: Heard[];
  readonly writes: readonly (Sent & { readonly arrivalMs: number })[];
  readonly endMs: number;
}

/** A session as its members and subscribers live it; each step at a moment of its own within a second of its own. */
async function record(rig: ReplayRig, seed: number): Promise<Recorded> {
  const random = randomOf(seed);
  const below = (n: number) => Math.floor(random() * n);
  const heard: Heard[] = [];
  const writes: (Sent & { arrivalMs: number })[] = [];
  const standing = new Map<string, number>();
  const send = (points: readonly Sent[]) => {
    rig.send(points);
    for (const point of points) {
      const name = `${point.metric} ${point.device} ${point.timeMs}`;
      if (standing.get(name) === point.value) continue;
      standing.set(name, point.value);
      writes.push({ ...point, arrivalMs: rig.clock.nowMs() });
      heard.push(pointText(point));
    }
  };
  await rig.session("s", { devices: ["pump-1"], metrics: ["press*"] });
  heard.push(await rig.say("s", "it begins", { type: "action", metadata: { alert_id: "a9" } }));
  for (let step = 0; step < 120; step++) {
    rig.clock.advance(1_000 * (1 + below(random() < 0.1 ? 60 : 3)));
    const dice = random();
    if (dice < 0.2) heard.push(await rig.say("s", `text ${step}`));
    else if (dice < 0.3) heard.push(await rig.alert(`a${step}`, AlertChange.FIRED, "pump-1"));
    else if (dice < 0.35) heard.push(await rig.alert("a9", AlertChange.COMMENTED, "fan"));
    else if (dice < 0.4) await rig.alert("other", AlertChange.FIRED, "unheard of");
    else if (dice < 0.45) rig.seal();
    else if (dice < 0.48) rig.compact();
    else if (dice < 0.6 && writes.length > 0) {
      const { arrivalMs: _, ...before } = writes[below(writes.length)];
      send([{ ...before, value: below(4) }]);
    } else {
      const lateMs = random() < 0.3 ? 1_000 * below(100_000) : 0;
      const device = DEVICES[below(2)];
      // What the session is about: all of pump-1, and pressures of all.
      const metric = device === "pump-1" && random() < 0.5 ? "temperature" : "pressure";
      send([{ metric, device, timeMs: rig.clock.nowMs() - lateMs, value: below(100) }]);
      rig.send([{ metric: "unheard of", device: "fan", timeMs: rig.clock.nowMs(), value: 1 }]);
    }
  }
  rig.clock.advance(2_000);
  heard.push(await rig.say("s", "it ends"));
  return { heard, writes, endMs: rig.clock.nowMs() };
}

/** The last writes of points of a range, in order of time. */
function known(writes: Recorded["writes"], fromMs: number, toMs: number): Heard[] {
  const latest = new Map<string, Sent>();
  for (const write of writes) latest.set(`${write.metric} ${write.device} ${write.timeMs}`, write);
  const within = [...latest.values()].filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
  return within.sort((a, b) => a.timeMs - b.timeMs).map(pointText);
}

const isPoint = (heard: Heard) => heard.startsWith("point ");

describe("a replay", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`is what was heard, whatever came later, here and out of a file (seed ${seed})`, async () => {
      using rig = new ReplayRig();
      const recorded = await record(rig, seed);
      const before = await rig.replay("s");
      expect(before.heard).toEqual(recorded.heard);

      const random = randomOf(seed + 100);
      const changed = recorded.writes.filter(() => random() < 0.3);
      rig.clock.advance(3_600_000);
      const later = changed.map(({ metric, device, timeMs }) => ({
        metric,
        device,
        timeMs,
        value: 1_000 + (timeMs % 7),
      }));
      const missed = Array.from({ length: 30 }, (_, i) => {
        const timeMs = START_MS + Math.floor((random() * (recorded.endMs - START_MS)) / 1_000) * 1_000 + 500;
        return { metric: "pressure", device: "pump-2", timeMs, value: 2_000 + i };
      });
      rig.send([...later, ...missed]);
      if (random() < 0.5) rig.seal();
      if (random() < 0.5) rig.compact();
      const seen = await rig.replay("s");
      expect(seen.heard).toEqual(recorded.heard);
      expect(seen.events).toEqual(before.events);

      const arrivalMs = rig.clock.nowMs();
      const writes = [...recorded.writes, ...[...later, ...missed].map((point) => ({ ...point, arrivalMs }))];
      const now = await rig.replay("s", { now: true });
      expect(now.heard.filter(isPoint)).toEqual(known(writes, START_MS, recorded.endMs + 1));
      expect(now.heard.filter(isPoint)).not.toEqual(recorded.heard.filter(isPoint));
      expect(now.heard.filter((one) => !isPoint(one))).toEqual(recorded.heard.filter((one) => !isPoint(one)));

      using other = new ReplayRig();
      const file = await rig.export("s");
      expect(await other.import(file)).toBe("s");
      expect((await other.replay("s")).events).toEqual(seen.events);
      expect((await other.replay("s", { now: true })).events).toEqual(now.events);
      expect((await other.export("s")).equals(file)).toBe(true);

      // From the middle on, at any microsecond.
      const middle = START_MS + Math.floor(random() * (recorded.endMs - START_MS));
      for (const view of [{ fromMs: middle }, { fromMs: middle, now: true }]) {
        const [here, there] = [await rig.replay("s", view), await other.replay("s", view)];
        expect(there.events).toEqual(here.events);
        const whole = (view.now ? now : seen).heard;
        expect(whole.slice(whole.length - here.heard.length)).toEqual(here.heard);
        expect(here.heard.length).toBeGreaterThan(0);
      }
    });
  }
});

test("what stood comes first, as it stood then", async () => {
  using rig = new ReplayRig();
  const point = { metric: "temperature", device: "pump-1", timeMs: START_MS - 5_000, value: 1 };
  rig.send([point]);
  rig.clock.advance(10_000);
  await rig.session("s", { devices: ["pump-1"] });
  await rig.say("s", "begins");
  rig.clock.advance(10_000);
  rig.send([{ ...point, value: 2 }]);
  rig.send([{ ...point, timeMs: START_MS - 2_000, value: 3 }]);
  rig.clock.advance(10_000);
  await rig.say("s", "ends");
  expect((await rig.replay("s")).standing).toEqual([pointText(point)]);
  expect((await rig.replay("s", { now: true })).standing).toEqual([
    pointText({ ...point, timeMs: START_MS - 2_000, value: 3 }),
  ]);
  expect((await rig.replay("s", { fromMs: START_MS + 21_000 })).standing).toEqual([
    pointText({ ...point, timeMs: START_MS - 2_000, value: 3 }),
  ]);
});

test("metrics may be added, and points left out", async () => {
  using rig = new ReplayRig();
  await rig.session("s");
  await rig.say("s", "begins");
  rig.clock.advance(1_000);
  const seen = rig.send([{ metric: "speed", device: "fan", timeMs: START_MS + 1_000, value: 5 }]);
  rig.clock.advance(1_000);
  await rig.say("s", "ends");
  expect((await rig.replay("s")).heard.filter(isPoint)).toEqual([]);
  expect((await rig.replay("s", { metrics: ["sp*"] })).heard.filter(isPoint)).toEqual(seen);
  expect((await rig.replay("s", { metrics: ["-"] })).heard).toEqual(["message 1 begins", "message 2 ends"]);
});

test("what cannot be asked is refused by name", async () => {
  using rig = new ReplayRig();
  await rig.session("s");
  await rig.say("s", "begins");
  for (const [request, message] of [
    [{ speed: 0.01 }, /speed is 0.01; wanted 0 \(as fast as possible\), or 0.1 to 1,000/],
    [{ speed: NaN }, /speed is NaN/],
    [{ fromMs: START_MS + 5_000, toMs: START_MS }, /from is .*; wanted a time since 1970 and before to/],
    [{ metrics: [""] }, /metrics is ""/],
  ] as const) {
    expect(rig.replay("s", request)).rejects.toThrow(message);
  }
  expect(rig.replay("t")).rejects.toThrow(/no session t/);
});
