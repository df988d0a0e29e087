/** Random rules, points and restarts: nothing is told otherwise because of a restart, nothing twice, and nothing fails. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import "../support/seed.ts";
import { arbitraryRule } from "./arbitrary-rule.ts";
import { call } from "./calls.ts";
import { AlertsRig, type SentPoint } from "./rig.ts";
import { byAlert } from "./timeline.ts";
import { ruleInputOf } from "../../src/alerts/rule-input.ts";

const STEP_MS = 5_000;
const SOURCES = ["a", "b", "c"];
const LADDER = [
  { severity: "medium", above: 80, clear: 75 },
  { severity: "critical", above: 95, clear: 90 },
];

const condition = fc.oneof(
  fc.record({ threshold: fc.constantFrom({ above: 80 }, { above: 80, clear: 70 }, { below: 75 }) }),
  fc.constant({ ladder: { steps: LADDER } }),
  fc.record({ range: fc.constantFrom({ low: 70, high: 80 }, { low: 70, high: 90, outside: true, margin: 3 }) }),
  fc
    .tuple(fc.constantFrom("avg", "max", "min", "count"), fc.constantFrom("20s", "1m"))
    .map(([name, over]) => ({ window: { function: name, over, above: name === "count" ? 4 : 80 } })),
  fc.constant({ n_of_m: { n: 2, m: 3, above: 80 } }),
  fc.constant({ rate: { over: "30s", above: 0.5 } }),
);

const hold = fc.constantFrom("", "", "5s", "12s", "20s", "45s");
const livelyRule = fc.record({
  condition,
  for: hold,
  keep_firing_for: hold,
  group_by: fc.constantFrom<string[]>([], [], ["metric"]),
});

/**
 * What comes at a step, of a series: its value, and older points that come with it in any order. A stamp has one value: of
 * several the first is judged, and the last is stored.
 */
const reading = fc.record({
  value: fc.constantFrom(60, 72, 78, 81, 85, 93, 97),
  /** Seconds before it, of points that come in the same batch. */
  older: fc.oneof(
    { weight: 4, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom<number[]>(1, 2, 3), { maxLength: 3 }) },
  ),
  repeats: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const step = fc.record({
  readings: fc.tuple(reading, reading, reading),
  does: fc.constantFrom("", "", "", "", "ack", "comment", "resolve"),
  restarts: fc.boolean(),
});
type LivelyRule = typeof livelyRule extends fc.Arbitrary<infer R> ? R : never;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
/** Of each source: how far its clock is from ours. */
const clocks = fc.tuple(...SOURCES.map(() => fc.constantFrom(0, 0, 0, -300_000, -3_000)));

function batchOf(rule: LivelyRule, { readings }: Step, offsetsMs: readonly number[], nowMs: number): SentPoint[] {
  // What looks back finds more after a start than was judged before it: also what came out of order.
  const looksBack = ["window", "n_of_m", "rate"].some((kind) => kind in rule.condition);
  return readings.flatMap(({ value, older, repeats }, i) => {
    const at = (secondsBefore: number, own: number): SentPoint => ({
      metric: "temp",
      source: SOURCES[i],
      value: own,
      timeMs: nowMs + offsetsMs[i] - secondsBefore * 1_000,
    });
    const now = at(0, value);
    return [
      ...older.filter(() => !looksBack).map((seconds) => at(seconds, seconds === 2 ? 60 : 85)),
      now,
      ...(repeats ? [now] : []),
    ];
  });
}

async function does(rig: AlertsRig, what: string): Promise<void> {
  if (what === "") return;
  const standing = [...rig.alerts.book.active()].sort((a, b) => (a.rule + a.source < b.rule + b.source ? -1 : 1));
  const alert = standing[0];
  if (alert === undefined) return;
  if (what === "ack") rig.alerts.book.acknowledge(alert, "eve", "");
  else if (what === "comment") rig.alerts.book.comment(alert, "eve", "hm");
  else rig.alerts.book.resolve(alert, "eve", "");
  await rig.settle();
}

async function play(rule: LivelyRule, steps: readonly Step[], offsetsMs: readonly number[], restarts: boolean) {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put({ name: "r", metric: "temp", ...rule });
  for (const one of steps) {
    await rig.pass(STEP_MS);
    await rig.send(...batchOf(rule, one, offsetsMs, rig.clock.nowMs()));
    await does(rig, one.does);
    if (restarts && one.restarts) await rig.restart();
    checkStanding(rig);
  }
  await rig.close();
  expect(rig.trouble).toEqual([]);
  // An episode in late points that has not ended yet is not written down.
  return rig.transcript().filter((line) => !/ late /.test(line));
}

function checkStanding(rig: AlertsRig): void {
  const names = [...rig.alerts.book.active()].map(({ rule, metric, labels }) => JSON.stringify([rule, metric, labels]));
  expect(names.length).toBe(new Set(names).size);
}

test("restarts change nothing of what is told", async () => {
  await fc.assert(
    fc.asyncProperty(
      livelyRule,
      fc.array(step, { minLength: 5, maxLength: 30 }),
      clocks,
      async (rule, steps, offsets) => {
        const plain = await play(rule, steps, offsets, false);
        expect(byAlert(await play(rule, steps, offsets, true))).toEqual(byAlert(plain));
      },
    ),
    { numRuns: 150 },
  );
}, 180_000);

const wildStep = fc.record({
  ms: fc.oneof(fc.nat(20_000), fc.nat(600_000), fc.constant(3 * 86_400_000)),
  points: fc.array(
    fc.record({
      metric: fc.constantFrom("temperature", "temper", "a|b"),
      source: fc.constantFrom(...SOURCES),
      value: fc.oneof(fc.integer({ min: -1_000, max: 1_000 }), fc.constantFrom(0, 1e300, -1e300, 85)),
      agoMs: fc.oneof(fc.nat(5_000), fc.constant(0), fc.nat(86_400_000), fc.integer({ min: -3_600_000, max: 0 })),
    }),
    { maxLength: 8 },
  ),
  does: fc.constantFrom("", "", "ack", "comment", "resolve", "restart", "restart", "forget", "deaf", "hearing", "wall"),
});

test("whatever the rules, the points and their times: nothing fails, one alert stands at a time, acknowledgements stay", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(arbitraryRule, { selector: ({ name }) => name, minLength: 1, maxLength: 5 }),
      fc.array(wildStep, { maxLength: 25 }),
      async (rules, steps) => {
        const rig = new AlertsRig();
        await rig.open();
        await rig.put(...rules.map((rule) => ruleInputOf({ ...rule, isDisabled: false, escalation: "" })));
        for (const { ms, points, does: what } of steps) {
          await rig.advance(ms);
          const nowMs = rig.clock.nowMs();
          if (points.length > 0)
            await rig.send(...points.map(({ agoMs, ...one }) => ({ ...one, timeMs: nowMs - agoMs })));
          if (what === "restart") await rig.restart();
          else if (what === "deaf" || what === "hearing") rig.setHearing(what === "hearing");
          else if (what === "wall") rig.clock.setWallClock(nowMs - 3_600_000);
          else if (what === "forget") {
            if (rig.registry.idsOfMetric("temperature").length > 0) rig.forget(nameOfFirst(rig));
          } else await does(rig, what);
          await rig.settle();
          checkStanding(rig);
        }
        await checkAcknowledged(rig);
        expect(rig.trouble).toEqual([]);
        await rig.close();
      },
    ),
    { numRuns: 150 },
  );
}, 180_000);

function nameOfFirst(rig: AlertsRig): string {
  const [id] = rig.registry.idsOfMetric("temperature");
  return `temperature/${rig.registry.identityOf(id).source}`;
}

/** An acknowledgement stands until something graver voids it. */
async function checkAcknowledged(rig: AlertsRig): Promise<void> {
  for (const { alert, events } of await Promise.all(
    [...new Set(rig.journal.entries.filter(({ kind }) => kind === "alert").map(({ subject }) => subject))].map((id) =>
      call(rig, Alerts.method.getAlertHistory, { id }),
    ),
  )) {
    const ranks = ["low", "medium", "high", "critical"];
    let covered = -1;
    let gravest = -1;
    for (const { change, severity } of events) {
      const rank = ranks.indexOf(severity);
      gravest = Math.max(gravest, rank);
      if (rank > covered) covered = -1;
      if (change === 6) covered = gravest;
    }
    expect([alert!.id, alert!.acknowledged]).toEqual([alert!.id, covered >= 0]);
  }
}
