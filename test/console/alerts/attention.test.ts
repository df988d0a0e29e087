import { expect, test } from "bun:test";
import { Alarm, GAP_MS, LOST, type SoundSettings } from "../../../src/console/attention/alarm.ts";
import { Announcer, ANNOUNCED_EVERY_MS } from "../../../src/console/attention/announcer.ts";
import { Lease, LEASE_MS, type LeaseStore } from "../../../src/console/attention/lease.ts";
import { MORE_TAG, NoticePlan, NOTICES_MAX, NOTICES_WITHIN_MS } from "../../../src/console/attention/notice-plan.ts";
import type { AlertRow } from "../../../src/console/data/alert-row.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { rowOf, type Given } from "./rows.ts";

const LOUD: SoundSettings = { isOn: true, volume: 1, severities: ["critical", "high"], mutedUntilMs: 0 };

/** What sounds, and when, over a time; `open` may change with it. */
function heard(
  clock: ManualClock,
  forMs: number,
  openAt: (ms: number) => readonly number[],
  settings = LOUD,
): string[] {
  const alarm = new Alarm();
  const beganMs = clock.nowMs();
  const tones: string[] = [];
  for (let ms = 0; ms < forMs; ms += 500) {
    const { severity } = alarm.step(openAt(ms), settings, clock.nowMs());
    if (severity !== undefined) tones.push(`${severity} ${(clock.nowMs() - beganMs) / 1_000}`);
    clock.advance(500);
  }
  return tones;
}

test("a tone repeats until nobody is needed any more", () => {
  const tones = heard(new ManualClock(), 30_000, (ms) => (ms < 12_000 ? [1, 0, 0, 0] : [0, 0, 0, 0]));
  expect(tones).toEqual(["critical 0", "critical 5", "critical 10"]);
});

test("what is graver, and more of the same, sounds at once, but never more often than the gap", () => {
  const graver = heard(new ManualClock(), 10_000, (ms) => (ms < 3_000 ? [0, 1, 0, 0] : [1, 1, 0, 0]));
  expect(graver).toEqual(["high 0", "critical 3", "critical 8"]);
  const flood = heard(new ManualClock(), 8_000, (ms) => [1 + ms, 0, 0, 0]);
  expect(flood).toEqual(["critical 0", "critical 2", "critical 4", "critical 6"]);
  expect(GAP_MS).toBe(2_000);
});

test("once the server is lost that sounds, too, where nothing graver does", () => {
  const settings = { ...LOUD, severities: ["critical", LOST] };
  const tones = (open: readonly number[]) => heard(new ManualClock(), 61_000, () => open, settings);
  expect(tones([0, 9, 0, 0, 1])).toEqual(["lost 0", "lost 60"]);
  expect(tones([1, 0, 0, 0, 1]).filter((tone) => tone.startsWith("lost"))).toEqual([]);
  expect(heard(new ManualClock(), 61_000, () => [0, 0, 0, 0, 1])).toEqual([]);
});

test("it is off, muted for a time, or deaf to some severities", () => {
  const clock = new ManualClock();
  expect(heard(clock, 10_000, () => [1, 0, 0, 0], { ...LOUD, isOn: false })).toEqual([]);
  expect(heard(clock, 10_000, () => [0, 0, 5, 5])).toEqual([]);
  const muted = { ...LOUD, mutedUntilMs: clock.nowMs() + 4_000 };
  expect(heard(clock, 8_000, () => [1, 0, 0, 0], muted)).toEqual(["critical 4"]);
  const alarm = new Alarm();
  expect(alarm.step([1, 0, 0, 0], { ...LOUD, mutedUntilMs: clock.nowMs() + 4_000 }, clock.nowMs()).nextMs).toBe(
    clock.nowMs() + 4_000,
  );
});

test("of several tabs one has the lease; it goes on when its holder is gone, or lets it go", () => {
  const clock = new ManualClock();
  let text: string | null = null;
  const store: LeaseStore = { read: () => text, write: (next) => (text = next), remove: () => (text = null) };
  const [one, other] = [new Lease(store, "one"), new Lease(store, "other")];
  const holders = () => [one.hold(clock.nowMs()), other.hold(clock.nowMs())];
  expect(holders()).toEqual([true, false]);
  clock.advance(LEASE_MS - 1);
  expect(holders()).toEqual([true, false]);
  clock.advance(LEASE_MS);
  expect(other.hold(clock.nowMs())).toBe(true);
  expect(one.hold(clock.nowMs())).toBe(false);
  other.release();
  expect(holders()).toEqual([true, false]);
  // Written before the clock was set back by an hour.
  expect(other.hold(clock.nowMs() - 3_600_000)).toBe(true);
  text = "not ours";
  expect(holders()).toEqual([true, false]);
});

const fired = (id: string, given: Given = {}) => ({ id, before: undefined, after: rowOf(id, given) });
const became = (before: AlertRow, after: AlertRow | undefined) => ({ id: before.id, before, after });

test("there is one notification for an incident, which goes when somebody looks after all of it", () => {
  const plan = new NoticePlan();
  const all = () => true;
  const one = { incidentId: "one" };
  const { show } = plan.take([fired("a", one), fired("b", one), fired("c", { severity: "critical" })], all, 0);
  expect(show.map(({ tag, alertId }) => [tag, alertId])).toEqual([
    ["one", "a"],
    ["c", "c"],
  ]);
  const acknowledged = (id: string) => became(rowOf(id, one), rowOf(id, { ...one, acknowledged: true }));
  expect(plan.take([acknowledged("a")], all, 1).close).toEqual([]);
  expect(plan.take([acknowledged("b")], all, 2).close).toEqual(["one"]);
  expect(plan.take([became(rowOf("c"), undefined)], all, 3).close).toEqual(["c"]);
});

test("an incident that grows graver is told again, one that is not wanted is not", () => {
  const plan = new NoticePlan();
  const one = { incidentId: "one" };
  plan.take([fired("a", one)], () => true, 0);
  const rise = became(rowOf("a", one), rowOf("a", { ...one, severity: "critical" }));
  expect(plan.take([rise], () => true, 1).show.map(({ title }) => title)).toEqual(["critical: alert a"]);
  expect(plan.take([fired("b")], () => false, 2).show).toEqual([]);
});

test("of a flood a few are shown, and how many more", () => {
  const plan = new NoticePlan();
  const flood = Array.from({ length: 1_237 }, (_, i) => fired(`${i}`));
  const { show } = plan.take(flood, () => true, 0);
  expect(show).toHaveLength(NOTICES_MAX + 1);
  expect(show.at(-1)).toMatchObject({ tag: MORE_TAG, title: `and ${(1_234).toLocaleString()} more` });
  expect(plan.take([fired("x")], () => true, 1).show).toEqual([]);
  expect(plan.isSettled).toBe(false);
  const more = `and ${(1_235).toLocaleString()} more`;
  // It takes the place of the one before, and so says all.
  expect(plan.take([], () => true, NOTICES_WITHIN_MS).show.map(({ title }) => title)).toEqual([more]);
  const over = flood.map(({ after }) => became(after, undefined));
  expect(plan.take(over, () => true, NOTICES_WITHIN_MS).close).not.toContain(MORE_TAG);
  expect(plan.take([became(rowOf("x"), undefined)], () => true, NOTICES_WITHIN_MS).close).toEqual([MORE_TAG]);
});

test("of alerts that are over before they are told nothing is said", () => {
  const plan = new NoticePlan();
  const flood = Array.from({ length: NOTICES_MAX + 1 }, (_, i) => fired(`${i}`));
  plan.take(flood.slice(0, NOTICES_MAX), () => true, 0);
  plan.take([fired("told")], () => true, 1);
  plan.take([became(rowOf("told"), undefined)], () => true, 2);
  plan.take([fired("late")], () => true, 3);
  expect(plan.isSettled).toBe(false);
  plan.take([became(rowOf("late"), undefined)], () => true, 4);
  expect(plan.isSettled).toBe(true);
  expect(plan.take([], () => true, 2 * NOTICES_WITHIN_MS).show).toEqual([]);
});

test("critical ones stay, and text of alerts is none of a desktop's HTML", () => {
  const description = `<a href="//evil">Water</a> < 4 cm</p> <!-- & <I>x`;
  const { show } = new NoticePlan().take(
    [fired("a", { severity: "critical", description }), fired("b", { description: "3 > 2" })],
    () => true,
    0,
  );
  expect(show.map(({ stays, body }) => [stays, body])).toEqual([
    [true, `‹a href="//evil">Water‹/a> < 4 cm‹/p> ‹!-- & ‹I>x`],
    [false, "3 > 2"],
  ]);
});

test("new critical alerts are read out, floods of them once in a while", () => {
  const announcer = new Announcer();
  const critical = { severity: "critical" };
  announcer.note([fired("low", { severity: "low" })]);
  expect(announcer.take(0)).toBeUndefined();
  announcer.note([fired("a", critical)]);
  expect(announcer.take(0)).toBe("Critical alert: alert a");
  announcer.note(Array.from({ length: 21 }, (_, i) => fired(`${i}`, critical)));
  expect(announcer.take(1)).toBeUndefined();
  expect(announcer.nextMs()).toBe(ANNOUNCED_EVERY_MS);
  expect(announcer.take(ANNOUNCED_EVERY_MS)).toBe("Critical alert: alert 0, and 20 more");
  expect(announcer.nextMs()).toBeUndefined();
  const known = rowOf("b", critical);
  announcer.note([became(known, rowOf("b", { ...critical, value: 2 }))]);
  expect(announcer.take(60_000)).toBeUndefined();
});
