/** What is usual on Monday is an alert on Sunday: seasonal rules, live, after a restart, and tested. */
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const [HOUR_MS, DAY_MS, WEEK_MS] = [3_600_000, 86_400_000, 7 * 86_400_000];
const NOON_MS = 12 * HOUR_MS;
const RULE = { name: "unusual", metric: "load", condition: { seasonal: { sigmas: 4 } }, severity: "high" };

/** START_MS is a Monday: 80 on workdays, 5 on Saturdays and Sundays, a little more in every other week. */
function usual(timeMs: number): number {
  const week = Math.floor((timeMs - START_MS) / WEEK_MS);
  const isWorkday = (timeMs - START_MS - week * WEEK_MS) / DAY_MS < 5;
  return (isWorkday ? 80 : 5) + Math.abs(week % 2);
}

async function rigWithPast(weeks: number): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  const hours = Array.from({ length: (weeks * WEEK_MS) / HOUR_MS }, (_, i) => START_MS - (i + 1) * HOUR_MS).reverse();
  await rig.send(...hours.map((timeMs) => ({ metric: "load", source: "a", value: usual(timeMs), timeMs })));
  return rig;
}

/** A value at a time from the start on. */
async function say(rig: AlertsRig, afterMs: number, value: number): Promise<void> {
  await rig.advance(START_MS + afterMs - rig.clock.nowMs());
  await rig.send({ metric: "load", source: "a", value });
}

/** What happened, and on which side of what is usual: values are standard deviations. */
const told = (rig: AlertsRig) =>
  rig.transcript().map((line) => {
    const [, , change, , sigmas] = line.split(" ");
    return `${change} ${Number(sigmas) > 0 ? "above" : "below"}`;
  });

for (const restarts of [false, true]) {
  test(`a value that is usual on Monday fires on Sunday${restarts ? ", also after a restart" : ""}`, async () => {
    const rig = await rigWithPast(4);
    await rig.put(RULE);
    await say(rig, NOON_MS, 80);
    if (restarts) await rig.restart();
    await say(rig, 6 * DAY_MS + NOON_MS, 80);
    if (restarts) await rig.restart();
    await say(rig, 6 * DAY_MS + NOON_MS + 60_000, 5);
    await say(rig, 7 * DAY_MS + NOON_MS, 5);
    await rig.close();
    expect(rig.trouble).toEqual([]);
    expect(told(rig)).toEqual(["fired above", "cleared above", "fired below"]);
  });
}

test("with too few weeks nothing is unusual, and once there are enough it is", async () => {
  const rig = await rigWithPast(2);
  await rig.put(RULE);
  await say(rig, 6 * DAY_MS + NOON_MS, 80);
  expect(told(rig)).toEqual([]);
  // Sundays that are like the others.
  for (let week = 1; week <= 3; week++) await say(rig, week * WEEK_MS + 6 * DAY_MS + NOON_MS, 5);
  await say(rig, 4 * WEEK_MS + 5 * DAY_MS + NOON_MS, 5);
  await say(rig, 4 * WEEK_MS + 6 * DAY_MS + NOON_MS, 5_000);
  await rig.close();
  expect(told(rig)).toEqual(["fired above"]);
});

test("TestRule knows what was usual before its range", async () => {
  const rig = await rigWithPast(4);
  await say(rig, NOON_MS, 80);
  await say(rig, 6 * DAY_MS + NOON_MS, 80);
  await say(rig, 6 * DAY_MS + NOON_MS + 60_000, 5);
  const { episodes } = await call(rig, Alerts.method.testRule, {
    rule: fromJson(RuleSchema, RULE as JsonObject),
    from: { seconds: BigInt(START_MS / 1_000), nanos: 0 },
    to: { seconds: BigInt(rig.clock.nowMs() / 1_000 + 1), nanos: 0 },
  });
  await rig.close();
  expect(episodes.map(({ firedAt }) => Number(firedAt!.seconds) * 1_000 - START_MS)).toEqual([6 * DAY_MS + NOON_MS]);
});
