/** What went wrong once, each in as few steps as show it. */
import { describe, expect, test } from "bun:test";
import { readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stampOf, watchFile } from "../../src/alerts/rules-watch.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { Alerts, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig, START_MS, type SentPoint } from "./rig.ts";

const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };
const GROUP = { ...HOT, group_by: ["metric"] };
const DAY_MS = 86_400_000;
const FULL = [
  "RESOURCE_EXHAUSTED",
  "100,000 published alerts are active, and at most 100,000 may be: clear some, or let them expire",
];

async function rigOf(...rules: object[]): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(...rules);
  return rig;
}

function until(rig: AlertsRig, seconds: number): Promise<void> {
  return rig.advance(START_MS + seconds * 1_000 - rig.clock.nowMs());
}

function point(source: string, value: number, timeMs?: number): SentPoint {
  return { metric: "temp", source, value, ...(timeMs === undefined ? {} : { timeMs }) };
}

/** Values of a series at times in seconds, each sent as it is read; with `timeMs` at another time. */
async function feed(rig: AlertsRig, readings: Readonly<Record<number, number>>, source = "a"): Promise<void> {
  for (const [seconds, value] of Object.entries(readings)) {
    await until(rig, Number(seconds));
    await rig.send(point(source, value));
  }
}

function changes(rig: AlertsRig, what: string): string[] {
  return rig.transcript().filter((line) => line.split(" ").includes(what));
}

async function activeIn(rig: AlertsRig): Promise<string[]> {
  const { alerts } = await call(rig, Alerts.method.listAlerts, { state: AlertState.ACTIVE });
  return alerts.map(({ id }) => id);
}

describe("watchdog", () => {
  const dog = { name: "dog", condition: { watchdog: {} } };

  test("is one alert over any number of restarts", async () => {
    const rig = await rigOf(dog);
    for (let i = 1; i <= 3; i++) {
      await until(rig, 20 * i);
      await rig.restart();
    }
    expect(rig.transcript()).toEqual(["0s dog/ fired medium"]);
    expect(await activeIn(rig)).toEqual(["alert-1"]);
  });

  test("fires after its hold", async () => {
    const rig = await rigOf({ ...dog, for: "10s" });
    await until(rig, 60);
    expect(changes(rig, "fired")).toEqual(["10s dog/ fired medium"]);
  });

  test("is not muted by being resolved", async () => {
    const rig = await rigOf(dog);
    await call(rig, Alerts.method.resolveAlert, { id: "alert-1" });
    await until(rig, 600);
    expect(await activeIn(rig)).toEqual(["alert-2"]);
  });
});

describe("groups", () => {
  test("end when the series that met the condition is deleted", async () => {
    const rig = await rigOf(GROUP);
    await rig.send(point("a", 85), point("b", 70), point("c", 70));
    rig.forget("temp/a");
    for (let seconds = 10; seconds <= 30; seconds += 10) {
      await until(rig, seconds);
      await rig.send(point("b", 70), point("c", 70));
    }
    expect(await activeIn(rig)).toEqual([]);
  });

  test("say the value that meets the condition, not the one heard last", async () => {
    const rig = await rigOf({ ...GROUP, for: "30s" });
    await rig.send(point("a", 85), point("b", 70));
    await until(rig, 10);
    await rig.send(point("a", 86), point("b", 71));
    await until(rig, 40);
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    expect(alerts.map(({ value }) => value)).toEqual([86]);
  });

  test("go on when one takes over from another in one batch, whatever the order in it", async () => {
    for (const second of [
      [point("a", 70), point("b", 85)],
      [point("b", 85), point("a", 70)],
    ]) {
      const rig = await rigOf(GROUP);
      await rig.send(point("a", 85), point("b", 70));
      await until(rig, 10);
      await rig.send(...second);
      expect(await activeIn(rig)).toEqual(["alert-1"]);
    }
  });

  test("that were resolved by hand fire again after a restart, while the condition holds", async () => {
    const rig = await rigOf(GROUP);
    await rig.send(point("a", 85), point("b", 86));
    await call(rig, Alerts.method.resolveAlert, { id: "alert-1" });
    await rig.restart();
    await until(rig, 20);
    await rig.send(point("a", 85), point("b", 86));
    expect(await activeIn(rig)).toEqual(["alert-2"]);
  });
});

describe("silence", () => {
  test("must last anew after an alert of no_data: fire was resolved by hand", async () => {
    const rig = await rigOf({ ...HOT, no_data: "fire" });
    await feed(rig, { 0: 70, 10: 70, 20: 70 });
    await until(rig, 60);
    await call(rig, Alerts.method.resolveAlert, { id: "alert-1" });
    await until(rig, 65);
    expect(await activeIn(rig)).toEqual([]);
    await until(rig, 120);
    expect(await activeIn(rig)).toEqual(["alert-2"]);
  });

  test("is over once something is heard, also where that meets the condition", async () => {
    const rig = await rigOf({ ...HOT, no_data: "fire" });
    await feed(rig, { 0: 70, 10: 70, 20: 70, 60: 85 });
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    expect(alerts).toMatchObject([{ stale: false, value: 85 }]);
  });

  test("of what fires already marks it, with no_data: fire as with keep", async () => {
    for (const no_data of ["keep", "fire"]) {
      const rig = await rigOf({ ...HOT, no_data });
      await feed(rig, { 0: 70, 10: 70, 20: 85 });
      await until(rig, 100);
      expect((await call(rig, Alerts.method.listAlerts, {})).alerts).toMatchObject([{ stale: true, value: 85 }]);
    }
  });

  test("of a device that reports hourly is not said within the hour, neither after a start nor of a new rule", async () => {
    const dead = { name: "dead", metric: "*", condition: { absence: {} } };
    const rig = await rigOf();
    for (let hour = 0; hour < 4; hour++) await feed(rig, { [hour * 3_600]: hour });
    await rig.put(dead);
    await feed(rig, { [4 * 3_600]: 1 });
    await until(rig, 4.2 * 3_600);
    await rig.restart();
    await feed(rig, { [5 * 3_600]: 1 });
    expect(rig.transcript()).toEqual([]);
  });

  test("is told after three usual gaps also once they have grown short", async () => {
    const rig = await rigOf({ ...HOT, no_data: "fire" });
    await feed(rig, { 0: 70, 50: 70, 100: 70 });
    for (let i = 1; i <= 60; i++) await feed(rig, { [100 + i]: 70 });
    await until(rig, 1_000);
    expect(changes(rig, "fired").join()).toMatch(/^175\.\d+s hot\/a fired medium 70 stale$/);
  });
});

describe("late points", () => {
  test("that were live before a restart are no late episode after it", async () => {
    const rig = await rigOf(HOT);
    const readings = { 0: 70, 10: 70, 20: 85, 30: 86, 40: 70, 50: 70 };
    await feed(rig, readings);
    await rig.restart();
    await until(rig, 60);
    await rig.send(...Object.entries(readings).map(([s, value]) => point("a", value, START_MS + Number(s) * 1_000)));
    await until(rig, 70);
    await rig.send(point("a", 70));
    await until(rig, 200);
    expect(changes(rig, "late")).toEqual([]);
  });

  test("of an earlier time are evaluated, too, when those of a later time came first", async () => {
    const rig = await rigOf(HOT);
    await rig.send(point("a", 70));
    for (const days of [1, 2]) {
      await until(rig, days * 100);
      await rig.send(...[70, 85, 70].map((value, i) => point("a", value, START_MS - days * DAY_MS + i * 60_000)));
    }
    await until(rig, 400);
    expect(changes(rig, "late").map((line) => line.split(" ")[3])).toEqual(["-86340s..-86280s", "-172740s..-172680s"]);
  });

  test("meet and leave a limit as live ones do, also while it is kept", async () => {
    const values = [85, 70, 78, 70, 70, 70, 70];
    const rig = await rigOf({ ...HOT, condition: { threshold: { above: 80, clear: 75 } }, keep_firing_for: "120s" });
    await rig.send(...values.map((value, i) => point("late", value, START_MS - 3_600_000 + i * 60_000)));
    for (const value of values) {
      await rig.send(point("live", value));
      await rig.advance(60_000);
    }
    await rig.advance(600_000);
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    const seconds = alerts.map(({ createdAt, clearedAt }) => Number(clearedAt!.seconds - createdAt!.seconds));
    expect(seconds).toEqual([180, 180]);
  });

  test("do not fire anew what silence has resolved", async () => {
    const rig = await rigOf({ ...HOT, no_data: "resolve" });
    await feed(rig, { 0: 70, 10: 70, 20: 85 });
    await until(rig, 100);
    await rig.restart();
    await until(rig, 110);
    await rig.send(point("a", 70, START_MS - 3_600_000));
    await until(rig, 400);
    expect(await activeIn(rig)).toEqual([]);
  });
});

describe("time", () => {
  test("an excursion that is over with the sample that ends the hold does not fire", async () => {
    const rig = await rigOf({ ...HOT, for: "30s" });
    await feed(rig, { 0: 70, 10: 85, 20: 85, 30: 85, 40: 70 });
    expect(changes(rig, "fired")).toEqual([]);
  });

  test("a stamp ahead of time counts once, however often it is sent", async () => {
    const rig = await rigOf({ ...HOT, condition: { n_of_m: { n: 2, m: 3, above: 80 } } });
    for (let i = 0; i < 3; i++) {
      await rig.send(point("a", 85, START_MS + 3_600_000));
      await rig.advance(1_000);
    }
    expect(changes(rig, "fired")).toEqual([]);
  });

  test("set back on the server makes nobody silent and stops no hold", async () => {
    const dead = { name: "dead", metric: "*", condition: { absence: { after: "60s" } } };
    const rig = await rigOf(dead, { ...HOT, for: "30s" });
    await feed(rig, { 0: 70, 10: 70, 20: 70 });
    rig.clock.setWallClock(START_MS - 3_600_000);
    for (let i = 0; i < 12; i++) {
      await rig.advance(10_000);
      await rig.send(point("a", 85));
    }
    expect(changes(rig, "fired").map((line) => line.split(" ")[1])).toEqual(["hot/a"]);
  });

  test("a hold goes on over a restart as it was, where a device's clock is behind", async () => {
    const rig = await rigOf({ ...HOT, for: "60s" });
    for (let i = 0; i < 4; i++) {
      await until(rig, i * 10);
      await rig.send(point("a", i === 0 ? 70 : 85, rig.clock.nowMs() - 600_000));
    }
    await rig.restart();
    await until(rig, 65);
    expect(changes(rig, "fired")).toEqual([]);
    await until(rig, 85);
    expect(changes(rig, "fired")).toHaveLength(1);
  });

  test("that a run lived counts, where points show it", async () => {
    const rig = await rigOf({ ...HOT, for: "25s" });
    await rig.send(point("a", 85));
    // Three runs of nine seconds, in which others are heard.
    for (let i = 1; i <= 3; i++) {
      await until(rig, i * 9);
      await rig.send(point("b", 70));
      await rig.restart();
    }
    await until(rig, 35);
    expect(changes(rig, "fired")).toHaveLength(1);
  });
});

describe("restarts", () => {
  test("n of m remembers samples of slow series", async () => {
    const rig = await rigOf({ ...HOT, condition: { n_of_m: { n: 2, m: 3, above: 80 } } });
    await feed(rig, { 0: 85, 600: 85, 1200: 70 });
    await rig.restart();
    await feed(rig, { 1800: 85, 2400: 85 });
    expect(rig.transcript().filter((line) => !line.includes("stale") && !line.includes("heard"))).toEqual([
      "600s hot/a fired medium 2",
    ]);
  });

  test("points of before a rule are none of its", async () => {
    const rig = await rigOf();
    await feed(rig, { 0: 70, 10: 70, 21: 85 });
    await rig.put({ ...HOT, for: "10s" });
    await until(rig, 25);
    await rig.restart();
    await until(rig, 33);
    expect(rig.transcript()).toEqual([]);
  });

  test("points that were taken and not evaluated are evaluated then, also where the device's clock is behind", async () => {
    for (const behindMs of [0, 300_000]) {
      const rig = await rigOf(HOT);
      for (let i = 0; i < 3; i++) {
        await until(rig, i * 10);
        await rig.send(point("a", 70, rig.clock.nowMs() - behindMs));
      }
      await until(rig, 25);
      rig.journal.failure = new Error("killed before it was written");
      await rig.send(point("a", 85, rig.clock.nowMs() - behindMs));
      await rig.restart();
      rig.journal.failure = null;
      await rig.advance(2_000);
      expect({ behindMs, active: (await activeIn(rig)).length }).toEqual({ behindMs, active: 1 });
    }
  });

  test("points that were on their way for long, before it was written down until when it lived, are evaluated, too", async () => {
    const rig = await rigOf(HOT);
    await feed(rig, { 0: 70, 5: 70 });
    await until(rig, 6);
    rig.arrive(point("a", 85), point("b", 85));
    await until(rig, 45);
    await rig.restart();
    await rig.advance(2_000);
    expect(await activeIn(rig)).toHaveLength(2);
  });

  test("points of a server that was killed before it wrote anything down are evaluated, too", async () => {
    const rig = await rigOf(HOT);
    await until(rig, 1);
    rig.journal.failure = new Error("killed before it was written");
    await rig.send(point("a", 85));
    await rig.restart();
    rig.journal.failure = null;
    await rig.advance(2_000);
    expect(await activeIn(rig)).toHaveLength(1);
  });
});

describe("published alerts", () => {
  test("keep the time they have left over a restart", async () => {
    const rig = await rigOf();
    await call(rig, Alerts.method.publishAlert, { rule: "long", expiresAfter: "1h" });
    await call(rig, Alerts.method.publishAlert, { rule: "short", expiresAfter: "30s" });
    await until(rig, 20);
    await rig.restart();
    await until(rig, 40);
    expect(await activeIn(rig)).toEqual(["alert-1"]);
    await until(rig, 3_500);
    expect(await activeIn(rig)).toEqual(["alert-1"]);
    await until(rig, 3_700);
    expect(await activeIn(rig)).toEqual([]);
  });

  test("are at most so many; those that stand are updated, and each that ends makes room", async () => {
    const rig = await rigOf();
    const publish = (rule: number, more: object = {}) => {
      return call(rig, Alerts.method.publishAlert, {
        rule: `rule-${rule}`,
        expiresAfter: rule === 1 ? "30s" : "1h",
        ...more,
      });
    };
    for (let i = 0; i < 100_000; i += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, (_, j) => publish(i + j)));
    }
    const isFull = async (rule: number) => {
      const error = await publish(rule).then(
        () => null,
        (thrown: unknown) => thrown as WatchpostError,
      );
      if (error !== null) expect([error.status, error.message]).toEqual(FULL);
      return error !== null;
    };
    expect(await isFull(100_000)).toBe(true);
    expect(await isFull(2)).toBe(false);
    await call(rig, Alerts.method.resolveAlert, { id: "alert-3" });
    expect([await isFull(100_000), await isFull(100_001)]).toEqual([false, true]);
    await publish(3, { cleared: true });
    expect([await isFull(100_001), await isFull(100_002)]).toEqual([false, true]);
    await until(rig, 40);
    expect([await isFull(100_002), await isFull(100_003)]).toEqual([false, true]);
  }, 120_000);
});

describe("GetAlertHistory", () => {
  test("has the last changes where there are more than an answer may have", async () => {
    const rig = await rigOf();
    await call(rig, Alerts.method.publishAlert, { rule: "old" });
    const [fired] = rig.journal.entries;
    for (let i = 1; i <= 2; i++) {
      const events = Array.from({ length: 10_000 }, (_, j) => ({ ...fired, actor: `${i} ${j}` }));
      await rig.journal.append(events);
      const { events: heard } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
      expect(heard.map(({ userId }) => userId)).toEqual(events.map(({ actor }) => actor));
    }
    await rig.journal.append([{ ...fired, actor: "last" }]);
    const { events, more } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
    expect([events.length, events[0].userId, events.at(-1)!.userId, more]).toEqual([10_000, "2 1", "last", true]);
  });
});

describe("ListAlerts", () => {
  test("goes on to cleared alerts after a page that ends with the last active one", async () => {
    const rig = await rigOf(HOT);
    for (const source of ["a", "b", "c"]) await rig.send(point(source, 85));
    await until(rig, 10);
    await rig.send(point("a", 70));
    const first = await call(rig, Alerts.method.listAlerts, { limit: 2 });
    const second = await call(rig, Alerts.method.listAlerts, { limit: 2, page: first.nextPage });
    expect([...first.alerts, ...second.alerts].map(({ id }) => id)).toEqual(["alert-3", "alert-2", "alert-1"]);
    expect(second.nextPage).toBe("");
  });
});

describe("SubscribeAlerts", () => {
  test("ends also when it is aborted while a message is handed out", async () => {
    const rig = await rigOf(HOT);
    const reader = new Reader(rig, {}, true);
    const first = reader.take();
    await rig.settle();
    await rig.send(point("a", 85));
    await first;
    reader.abort();
    await Promise.race([reader.take(), Bun.sleep(500)]);
    expect(reader.ended).toBe("end");
  });

  test("goes on with what could not be written when it was told", async () => {
    const rig = await rigOf(HOT);
    const reader = new Reader(rig, { updates: true });
    await rig.settle();
    const { cursor } = reader.messages.at(-1)!;
    await reader.close();
    rig.journal.failure = new Error("no disk");
    await rig.send(point("a", 85));
    rig.journal.failure = null;
    await rig.advance(2_000);
    const resumed = new Reader(rig, { updates: true, cursor });
    await rig.settle();
    expect(resumed.said()).toEqual(["alert-1 fired medium"]);
    await rig.send(point("b", 85));
    expect(resumed.said()).toEqual(["alert-2 fired medium"]);
  });

  test("does not repeat what is written while the past is read", async () => {
    const rig = await rigOf(HOT);
    const reader = new Reader(rig, { updates: true });
    await rig.settle();
    const { cursor } = reader.messages.at(-1)!;
    await rig.send(point("a", 85));
    const gate = Promise.withResolvers<void>();
    const read = rig.journal.read.bind(rig.journal);
    rig.journal.read = async (query) => {
      await gate.promise;
      return read(query);
    };
    const resumed = new Reader(rig, { updates: true, cursor });
    await rig.settle();
    await rig.send(point("b", 85));
    gate.resolve();
    await rig.settle();
    await rig.send(point("c", 85));
    expect(resumed.said()).toEqual(["alert-1 fired medium", "alert-2 fired medium", "alert-3 fired medium"]);
  });
});

describe("at the same time", () => {
  test("several people comment, and all is kept", async () => {
    const rig = await rigOf(HOT);
    await rig.send(point("a", 85));
    await Promise.all(["one", "two"].map((text) => call(rig, Alerts.method.commentAlert, { id: "alert-1", text })));
    const { alert } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
    expect(alert!.comments.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  test("two resolve an alert, and it ends once", async () => {
    const rig = await rigOf(HOT);
    await rig.send(point("a", 85));
    const calls = [1, 2].map(() => call(rig, Alerts.method.resolveAlert, { id: "alert-1" }));
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(changes(rig, "cleared")).toHaveLength(1);
  });
});

describe("late episodes", () => {
  const hours = (first: number, values: readonly number[]) =>
    values.map((value, i) => point("a", value, START_MS - 4 * DAY_MS + (first + i) * 3_600_000));

  test("keep what people said of them when their points come again", async () => {
    const rig = await rigOf(HOT);
    await rig.send(...hours(0, [70, 85, 70]));
    await until(rig, 100);
    const [{ id }] = (await call(rig, Alerts.method.listAlerts, {})).alerts;
    await call(rig, Alerts.method.acknowledgeAlert, { id, userId: "ann" });
    await rig.restart();
    // The rule is put anew, so its late points count anew.
    await call(rig, Alerts.method.deleteRule, { name: "hot" });
    await rig.put(HOT);
    await rig.send(...hours(0, [70, 85, 70]));
    await until(rig, 300);
    await call(rig, Alerts.method.commentAlert, { id, text: "again" });
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    expect(alerts).toMatchObject([{ acknowledgedBy: "ann" }]);
  });

  test("are found in what an import brings after a restart", async () => {
    const rig = await rigOf(HOT);
    await rig.send(...hours(0, [70, 85, 70, 70]));
    await until(rig, 100);
    await rig.restart();
    await rig.send(...hours(4, [70, 85, 70, 70]));
    await until(rig, 300);
    expect(changes(rig, "late")).toHaveLength(2);
  });

  test("of before all are found also where the series has often been silent since", async () => {
    const rig = await rigOf(HOT);
    for (let i = 0; i < 20; i++) {
      for (let second = 0; second < 4; second++) await feed(rig, { [i * 100 + second]: 70 });
    }
    await rig.send(...hours(0, [70, 85, 70]));
    await until(rig, 2_200);
    expect(changes(rig, "late")).toHaveLength(1);
  });

  test("are looked for in points that come in any order in little time and memory", async () => {
    const rig = await rigOf(HOT);
    await rig.send(point("a", 70));
    const [bound] = [rig.alerts.rules.get("hot")!];
    const [instance] = bound.instances.values();
    const listener = { onChange() {}, onLate() {}, onGone() {} };
    for (let i = 1; i <= 20_000; i++) {
      instance.take(instance.probes[0], (START_MS - 3_600_000 - i * 60_000) * 1_000, 70, START_MS * 1_000, 0, listener);
    }
    expect(instance.probes[0].missingAt(0).length).toBeLessThan(1_000);
  });
});

describe("a second look at restarts", () => {
  test("a group that was resolved by hand does not fire by what was before it, when another of its series is heard", async () => {
    const rig = await rigOf(GROUP);
    await rig.send(point("a", 85), point("b", 86));
    await call(rig, Alerts.method.resolveAlert, { id: "alert-1" });
    await rig.restart();
    await until(rig, 5);
    await rig.send(point("a", 70));
    expect(await activeIn(rig)).toEqual([]);
    expect(changes(rig, "fired")).toHaveLength(1);
  });

  test("conditions remember the samples of a device whose clock is behind", async () => {
    for (const condition of [
      { n_of_m: { n: 2, m: 3, above: 80 } },
      { window: { function: "max", over: "1m", above: 80 } },
    ]) {
      const rig = await rigOf({ ...HOT, condition });
      for (const [i, value] of [85, 60, 81, 60].entries()) {
        await until(rig, i * 5);
        if (i === 2) await rig.restart();
        await rig.send(point("a", value, rig.clock.nowMs() - 300_000));
      }
      // The same without a restart, as far as what is active.
      const plain = await rigOf({ ...HOT, condition });
      for (const [i, value] of [85, 60, 81, 60].entries()) {
        await until(plain, i * 5);
        await plain.send(point("a", value, plain.clock.nowMs() - 300_000));
      }
      expect(rig.transcript()).toEqual(plain.transcript());
    }
  });

  test("groups go on when one takes over from another in a batch that was not evaluated before", async () => {
    const rig = await rigOf(GROUP);
    await rig.send(point("a", 85), point("b", 70));
    await until(rig, 12);
    rig.journal.failure = new Error("killed before it was written");
    await rig.send(point("a", 70), point("b", 85));
    await rig.restart();
    rig.journal.failure = null;
    await rig.advance(2_000);
    expect(await activeIn(rig)).toEqual(["alert-1"]);
  });

  test("nothing counts as evaluated whose outcome still waits to be written", async () => {
    const rig = await rigOf({ ...HOT, for: "60s" });
    await rig.send(point("a", 70));
    await until(rig, 5);
    // The first append takes long, what happens then waits behind it; the next beat does not.
    const append = rig.journal.append.bind(rig.journal);
    let isFirst = true;
    rig.journal.append = async (events, documents) => {
      const entries = append(events, documents);
      if (events.length > 0 && isFirst) {
        isFirst = false;
        await new Promise(() => {});
      }
      return entries;
    };
    await rig.send(point("b", 85));
    await rig.send(point("a", 85));
    await until(rig, 12);
    await rig.send(point("c", 70));
    await until(rig, 25);
    rig.journal.append = append;
    await rig.restart();
    await until(rig, 80);
    expect(
      changes(rig, "fired")
        .map((line) => line.split(" ")[1])
        .sort(),
    ).toEqual(["hot/a", "hot/b"]);
  });
});

describe("the rules file", () => {
  test("that cannot be looked at for a while ends nothing", () => {
    using dir = tempDir("loop");
    const file = join(dir.path, "rules.yaml");
    const clock = new ManualClock();
    let changed = 0;
    writeFileSync(file, "rules: []");
    const end = watchFile(file, clock, async () => void changed++);
    unlinkSync(file);
    symlinkSync(file, file);
    clock.advance(2_500);
    unlinkSync(file);
    writeFileSync(file, "rules: [] # again");
    clock.advance(2_500);
    end();
    expect(changed).toBe(1);
  });

  test("is read once at a time, and again where it changed while it was read", async () => {
    using dir = tempDir("turns");
    const file = join(dir.path, "rules.yaml");
    const clock = new ManualClock();
    const gates: PromiseWithResolvers<void>[] = [];
    const inForce: string[] = [];
    writeFileSync(file, "first");
    const end = watchFile(file, clock, async () => {
      const content = readFileSync(file, "utf8");
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      inForce.push(content);
    });
    writeFileSync(file, "the second");
    clock.advance(2_500);
    writeFileSync(file, "and the third");
    clock.advance(10_000);
    expect(gates).toHaveLength(1);
    gates[0].resolve();
    await rest();
    clock.advance(2_500);
    expect(gates).toHaveLength(2);
    end();
    gates[1].resolve();
    await rest();
    expect([inForce, clock.timers]).toEqual([["the second", "and the third"], 0]);
  });

  test("is read again where it changed between its first read and the watch", () => {
    using dir = tempDir("start");
    const file = join(dir.path, "rules.yaml");
    const clock = new ManualClock();
    let changed = 0;
    writeFileSync(file, "first");
    const seen = stampOf(file);
    writeFileSync(file, "the second");
    const end = watchFile(file, clock, async () => void changed++, seen);
    clock.advance(2_500);
    end();
    expect(changed).toBe(1);
  });
});

describe("labels", () => {
  test("tell the alerts of a rule apart, also where it is of several metrics", async () => {
    const rig = await rigOf({ ...HOT, metric: "temp*" });
    await rig.send(point("a", 85), { metric: "temperature", source: "a", value: 85 });
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    expect(alerts).toHaveLength(2);
    expect(alerts[0].labels).not.toEqual(alerts[1].labels);
  });

  test("of a rule do not make two series one", async () => {
    const rig = await rigOf();
    let isTaken = true;
    await rig.put({ ...HOT, labels: { source: "x", device: "y" } }).catch(() => (isTaken = false));
    await rig.send(point("a", 85), point("b", 85));
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    const names = new Set(alerts.map(({ labels }) => JSON.stringify(labels)));
    expect({ isTaken, names: names.size }).toEqual({ isTaken, names: isTaken ? 2 : 0 });
  });
});
