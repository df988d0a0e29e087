/** What an alert says of its value goes with the samples, without a change of the alert. */
import { expect, test } from "bun:test";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

async function opened(rule: object): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put({ name: "r", metric: "temp", title: "{source} is {value}", ...rule });
  return rig;
}

async function send(rig: AlertsRig, ...values: number[]): Promise<void> {
  for (const value of values) {
    await rig.advance(10_000);
    await rig.send({ metric: "temp", source: "a", value });
  }
}

async function listed(rig: AlertsRig): Promise<[number, string][]> {
  const { alerts } = await call(rig, Alerts.method.listAlerts, {});
  return alerts.map(({ value, title }) => [value, title]);
}

async function snapshot(rig: AlertsRig): Promise<(number | undefined)[]> {
  const reader = new Reader(rig, {});
  await rest();
  await reader.close();
  return reader.messages.map(({ value }) => value);
}

test("lists, histories and snapshots have what met the condition last", async () => {
  const rig = await opened({ condition: { threshold: { above: 80, clear: 70 } }, keep_firing_for: "1m" });
  await send(rig, 81, 90, 95);
  const written = rig.journal.entries.length;
  expect(await listed(rig)).toEqual([[95, "a is 95"]]);
  expect(await snapshot(rig)).toEqual([95]);
  const { alert, events } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
  expect([alert!.value, alert!.context["value"], events.map(({ value }) => value)]).toEqual([95, "95", [81]]);
  expect(rig.journal.entries).toHaveLength(written);
  // It is kept firing by the value to which it clears.
  await send(rig, 75);
  expect(await listed(rig)).toEqual([[75, "a is 75"]]);
  await send(rig, 60, 50);
  expect(await listed(rig)).toEqual([[75, "a is 75"]]);
  await rig.restart();
  expect(await listed(rig)).toEqual([[75, "a is 75"]]);
  await rig.close();
});

test("a change tells what is so by then", async () => {
  const rig = await opened({ condition: { threshold: { above: 80 } } });
  await send(rig, 81);
  await send(rig, 90);
  await rig.restart();
  const answer = await call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1", userId: "eve" });
  expect(answer.alert).toMatchObject({ value: 90, title: "a is 90" });
  await send(rig, 92, 70);
  expect(rig.transcript()).toEqual([
    "10s r/a fired medium 81",
    "20s r/a acknowledged medium 90 ack by eve",
    "40s r/a cleared medium 92 ack",
  ]);
  expect(await listed(rig)).toEqual([[92, "a is 92"]]);
  await rig.close();
});

test("what is compared may be made of many samples", async () => {
  const rig = await opened({ condition: { window: { function: "avg", over: "20s", above: 80 } } });
  await send(rig, 81, 83);
  expect(await listed(rig)).toEqual([[82, "a is 82"]]);
  await send(rig, 85);
  expect(await listed(rig)).toEqual([[84, "a is 84"]]);
  await rig.close();
});

test("what silence or a person makes of it has no value of its own", async () => {
  const rig = await opened({ condition: { threshold: { above: 80 } }, no_data: "fire" });
  await send(rig, 70, 71, 72);
  await rig.advance(60_000);
  expect(await listed(rig)).toEqual([[72, "a is 72"]]);
  await send(rig, 60);
  expect(await listed(rig)).toEqual([[72, "a is 72"]]);
  await call(rig, Alerts.method.publishAlert, { rule: "backup", value: 5, title: "late" });
  expect(await listed(rig)).toEqual([
    [5, "late"],
    [72, "a is 72"],
  ]);
  await rig.close();
});
