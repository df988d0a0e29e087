/** What the timelines do not say of the notifier. */
import { expect, test } from "bun:test";
import { parseMatcher } from "../../../src/alerts/notify/label-matcher.ts";
import { Notifier } from "../../../src/alerts/notify/notifier.ts";
import { notifyConfigOf } from "../../../src/alerts/notify/notify-config-input.ts";
import type { NotifyConfig } from "../../../src/alerts/notify/notify-config.ts";
import type { Severity } from "../../../src/alerts/severity.ts";
import { changed, makeAlert, resolved } from "./make-alert.ts";
import { Rig, START_MS } from "./rig.ts";
import { deliveryText } from "./timeline.ts";

const MINUTE_MS = 60_000;

function configOf(route: object = {}, more: object = {}): NotifyConfig {
  const receivers = [{ name: "ops" }, { name: "pager" }];
  return notifyConfigOf({ route: { receiver: "ops", group_by: ["rack"], ...route }, receivers, ...more });
}

function rigOf(config: NotifyConfig): { rig: Rig; sent: string[] } {
  const sent: string[] = [];
  return { rig: new Rig({ config, onDelivery: (delivery) => void sent.push(deliveryText(delivery)) }), sent };
}

function silenceOf(id: string, ...texts: string[]) {
  const times = { startsAtMs: START_MS, endsAtMs: START_MS + 60 * MINUTE_MS };
  return { id, matchers: texts.map(parseMatcher), ...times, author: "", comment: "", isForAll: false };
}

test("under another configuration alerts go where it says, and those who knew of them hear their end", () => {
  const { rig } = rigOf(configOf());
  rig.put(makeAlert({ id: "a", labels: { rack: "1" } }));
  rig.put(makeAlert({ id: "b", severity: "critical", labels: { rack: "1" } }));
  rig.put(makeAlert({ id: "c", labels: { rack: "2" } }));
  rig.goTo(MINUTE_MS);
  rig.put(resolved(makeAlert({ id: "c", labels: { rack: "2" } }), rig.wallMs));
  const documents = [...rig.documents].map(([key, value]) => ({ key, value }));
  const config = configOf({ routes: [{ receiver: "pager", matchers: ["rack=1"], group_by: ["site"] }] });
  const notifier = Notifier.restore(config, documents, rig.wallMs);
  expect(notifier.due(rig.wallMs).map(deliveryText)).toEqual(["pager first {}: b:critical a"]);
  notifier.put(resolved(makeAlert({ id: "a", labels: { rack: "1" } }), 0), rig.wallMs);
  expect(
    notifier
      .due(rig.wallMs + 10 * MINUTE_MS)
      .map(deliveryText)
      .sort(),
  ).toEqual(['ops resolved {rack="1"}: ~a', 'ops resolved {rack="2"}: ~c']);
});

test("groups that a configuration has no place for are forgotten, and with them alerts that are over", () => {
  const { rig } = rigOf(configOf());
  rig.put(makeAlert({ id: "a" }));
  rig.goTo(MINUTE_MS);
  rig.put(resolved(makeAlert({ id: "a" }), rig.wallMs));
  const documents = [...rig.documents].map(([key, value]) => ({ key, value }));
  const notifier = Notifier.restore(configOf({ receiver: "pager" }), documents, rig.wallMs);
  expect(notifier.changes().map(({ key, value }) => `${key} ${value}`)).toEqual([
    "group:{} > ops {} null",
    "told:{} > ops {} null",
    "alert:a null",
  ]);
  expect(notifier.nextMs).toBe(Infinity);
});

test("when everything is over nothing is left of it", () => {
  const { rig } = rigOf(configOf({}, { inhibit_rules: [{ source_matchers: "x=1", target_matchers: "x=2" }] }));
  const alerts = Array.from({ length: 20 }, (_, i) =>
    makeAlert({ id: `a${i}`, labels: { rack: `${i % 3}`, x: `${i % 4}` } }),
  );
  for (const alert of alerts) rig.put(alert);
  rig.do((notifier, nowMs) => void notifier.putSilence(silenceOf("s", "rack=2"), nowMs));
  rig.goTo(MINUTE_MS);
  for (const alert of alerts) rig.put(resolved(alert, rig.wallMs));
  rig.goTo(8 * 24 * 60 * MINUTE_MS);
  expect([...rig.documents]).toEqual([]);
  expect(rig.notifier.nextMs).toBe(Infinity);
});

test("what may have been lost stays so until it is sent, over any number of restarts", () => {
  const { rig } = rigOf(configOf());
  rig.receiver("ops", "hangs");
  rig.put(makeAlert({ id: "a" }));
  rig.goTo(MINUTE_MS);
  const documents = new Map(rig.documents);
  const restore = () => {
    const stored = [...documents].map(([key, value]) => ({ key, value }));
    return Notifier.restore(configOf(), stored, rig.wallMs);
  };
  const second = restore();
  second.put(makeAlert({ id: "b" }), rig.wallMs);
  for (const { key, value } of second.changes()) documents.set(key, value!);
  expect(restore().due(rig.wallMs).map(deliveryText)).toEqual(["ops first {}: a b again"]);
});

test("a storm goes on after a restart", () => {
  const { rig, sent } = rigOf(configOf());
  for (let i = 0; i < 30; i++) rig.put(makeAlert({ id: `a${i}`, severity: "critical" }));
  rig.restart();
  rig.goTo(29_000);
  expect(sent.splice(0)).toEqual(["ops first {}: a0:critical"]);
  rig.goTo(30_000);
  expect(sent.length).toBe(1);
});

test("each channel of a receiver has its own groups; a receiver without one drops what it gets", () => {
  const config = configOf({ routes: [{ receiver: "pager", matchers: ["rack=9"] }] });
  const channels = ["webhook", "email"].map((name) => ({ name, sendsResolved: name === "webhook" }));
  const receivers = [
    { name: "ops", channels },
    { name: "pager", channels: [] },
  ];
  const notifier = new Notifier({ ...config, receivers });
  notifier.put(makeAlert({ id: "a" }), START_MS);
  notifier.put(makeAlert({ id: "b", labels: { rack: "9" } }), START_MS);
  const [first, second] = notifier.due(START_MS + MINUTE_MS);
  expect([first.channel, second.channel].sort()).toEqual(["email", "webhook"]);
  expect(first.groupKey).toBe(second.groupKey);
  const webhook = first.channel === "webhook" ? first : second;
  notifier.settle(webhook.id, "sent", START_MS + MINUTE_MS);
  notifier.put(resolved(makeAlert({ id: "a" }), 0), START_MS + MINUTE_MS);
  notifier.put(resolved(makeAlert({ id: "b", labels: { rack: "9" } }), 0), START_MS + MINUTE_MS);
  expect(notifier.due(START_MS + 10 * MINUTE_MS).map(({ channel, reason }) => [channel, reason])).toEqual([
    ["webhook", "resolved"],
  ]);
  expect(notifier.changes().find(({ key }) => key === "alert:b")).toEqual({ key: "alert:b", value: null });
});

test("a delivery that has to be tried again is overtaken by a critical alert, and attempts count as failures", () => {
  const notifier = new Notifier(configOf());
  notifier.put(makeAlert({ id: "a" }), START_MS);
  const [{ id }] = notifier.due(START_MS + MINUTE_MS);
  notifier.settle(id, "retrying", START_MS + MINUTE_MS);
  notifier.settle(id, "retrying", START_MS + MINUTE_MS);
  expect([notifier.isOvertaken(id), notifier.takeEvents()]).toEqual([false, []]);
  notifier.settle(id, "retrying", START_MS + MINUTE_MS);
  expect(notifier.takeEvents()).toMatchObject([{ kind: "failedThrice", receiver: "ops", alertIds: ["a"] }]);
  notifier.put(makeAlert({ id: "b", severity: "high" }), START_MS + 2 * MINUTE_MS);
  expect(notifier.isOvertaken(id)).toBe(false);
  notifier.put(makeAlert({ id: "c", severity: "critical" }), START_MS + 2 * MINUTE_MS);
  expect(notifier.isOvertaken(id)).toBe(true);
  expect(notifier.due(START_MS + 2 * MINUTE_MS)).toEqual([]);
  notifier.settle(id, "failed", START_MS + 2 * MINUTE_MS);
  expect(notifier.due(START_MS + 2 * MINUTE_MS).map(deliveryText)).toEqual(["ops first {}: c:critical a b"]);
  expect([notifier.isOvertaken(id), notifier.takeEvents()]).toEqual([false, []]);
  notifier.settle(id, "sent", START_MS + 2 * MINUTE_MS);
  notifier.settle("unknown", "sent", START_MS + 2 * MINUTE_MS);
});

test("alerts that change while a delivery is in flight are said with the next one", () => {
  const { rig, sent } = rigOf(configOf());
  const [a, b] = ["a", "b"].map((id) => makeAlert({ id, severity: "medium" }));
  rig.receiver("ops", "hangs");
  rig.put(a);
  rig.put(b);
  rig.goTo(MINUTE_MS);
  rig.put(changed(a, { severity: "high" }));
  rig.put(resolved(b, rig.wallMs));
  rig.receiver("ops", "works");
  rig.goTo(10 * MINUTE_MS);
  expect(sent.splice(0)).toEqual(["ops first {}: a:medium b:medium", "ops rose {}: a ~b:medium"]);
  // Over, and the same one again while that is on its way.
  rig.receiver("ops", "hangs");
  rig.put(resolved(a, rig.wallMs));
  rig.goTo(20 * MINUTE_MS);
  rig.put(a);
  rig.receiver("ops", "works");
  rig.goTo(30 * MINUTE_MS);
  expect(sent).toEqual(["ops resolved {}: ~a:medium", "ops first {}: a:medium"]);
});

test("an episode that is over before it is told of is heard of where it is owed, and pages nobody at once", () => {
  const { rig, sent } = rigOf(configOf());
  const over = (id: string, given = {}) => resolved(makeAlert({ id, severity: "critical", ...given }), START_MS);
  rig.put(over("a"));
  rig.put(over("b", { isOwed: true }));
  rig.goTo(29_000);
  expect(sent).toEqual([]);
  rig.restart();
  rig.goTo(60 * MINUTE_MS);
  expect(sent).toEqual(["ops resolved {}: ~b:critical"]);
  expect([...rig.documents]).toEqual([]);
});

test("the same again changes nothing, and what fires is known by its id", () => {
  const { rig } = rigOf(configOf());
  const alert = makeAlert({ id: "a", labels: { rack: "1" } });
  rig.put(alert);
  rig.put(makeAlert({ id: "b" }));
  rig.put(resolved(makeAlert({ id: "b" }), rig.wallMs));
  rig.goTo(MINUTE_MS);
  rig.notifier.changes();
  rig.notifier.put({ ...alert, labels: { ...alert.labels } }, rig.wallMs);
  expect([rig.notifier.changes(), rig.notifier.firingIds()]).toEqual([[], ["a"]]);
  rig.notifier.put({ ...alert, value: 2 }, rig.wallMs);
  expect(rig.notifier.changes().map(({ key }) => key)).toEqual(["alert:a"]);
});

test("a change of a silence lets go of what it no longer means", () => {
  const { rig, sent } = rigOf(configOf());
  rig.do((notifier, nowMs) => void notifier.putSilence(silenceOf("s", "rack=1"), nowMs));
  rig.put(makeAlert({ id: "a", severity: "critical", labels: { rack: "1" } }));
  rig.goTo(10 * MINUTE_MS);
  expect(rig.notifier.muteOf("a", rig.wallMs)).toEqual({ kind: "silenced", by: "s" });
  rig.do((notifier, nowMs) => void notifier.putSilence(silenceOf("s", "rack=2"), nowMs));
  expect(sent).toEqual(['ops first {rack="1"}: a:critical']);
  expect(rig.notifier.muteOf("a", rig.wallMs)).toBeUndefined();
  expect(() => rig.notifier.putSilence(silenceOf("s", "rack=~.*"), rig.wallMs)).toThrow("all");
  expect(rig.notifier.silences()).toMatchObject([{ id: "s", matchers: [{ value: "2" }] }]);
});

for (const severity of ["high", "critical"] satisfies Severity[]) {
  test(`a storm of ${severity} alerts is one notification for each group and receiver while it lasts`, () => {
    const { rig, sent } = rigOf(configOf({ routes: [{ receiver: "pager", matchers: ["x=1"], continue: true }, {}] }));
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      rig.goTo(Math.floor((i * 10_000) / count));
      rig.put(
        makeAlert({ id: `a${i}`, severity, startsAtMs: rig.wallMs, labels: { rack: `${i % 2}`, x: `${i % 3}` } }),
      );
    }
    expect(sent.length).toBe(severity === "critical" ? 4 : 0);
    const during = sent.splice(0);
    rig.goTo(MINUTE_MS);
    expect(during.length + sent.length).toBe(severity === "critical" ? 8 : 4);
    expect(sent.filter((text) => / \+\d+$/.test(text)).length).toBe(4);
  });
}
