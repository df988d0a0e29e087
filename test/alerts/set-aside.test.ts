/** Documents and entries in a format that is not known: left out and said, and the rest goes on. */
import { expect, test } from "bun:test";
import { Alerts, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };
const UNKNOWN = "is in a format that this version does not know, and is left out";

async function rigWith(...sources: string[]): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(RULE);
  for (const source of sources) await rig.send({ metric: "temp", source, value: 90 });
  return rig;
}

const write = (rig: AlertsRig, collection: string, key: string, value: string) =>
  rig.journal.append([], [{ collection, key, sort: 0, value }]);
const firing = (rig: AlertsRig) => [...rig.alerts.book.active()].map(({ id, source }) => `${id} ${source}`).sort();

const FORMATS = [
  "{}",
  "null",
  "[]",
  "7",
  '{"id":"x","rule":"hot"}',
  '{"id":"x","rule":"hot","firedAtMs":1,"severity":"dire"}',
];

test.each(FORMATS)(
  "an active alert that is %s does not keep the server from starting; it fires again",
  async (value) => {
    const rig = await rigWith("a", "b");
    const [instance] = await rig.journal.documents({ collection: "alert-instances", limit: 1 });
    const changed = { ...JSON.parse(instance.value), alert: JSON.parse(value) };
    await write(rig, "alert-instances", instance.key, JSON.stringify(changed));
    await rig.restart();
    const name = `document ${JSON.stringify(instance.key)} of "alert-instances"`;
    expect(rig.trouble).toEqual([expect.stringContaining(`${name} ${UNKNOWN}`)]);
    expect(firing(rig)).toEqual(["alert-2 b"]);
    await rig.advance(1_000);
    await rig.send({ metric: "temp", source: "a", value: 91 });
    expect(firing(rig)).toEqual(["alert-2 b", "alert-3 a"]);
    await rig.close();
  },
);

test("neither does an instance nor an incident", async () => {
  const rig = await rigWith("a", "b");
  const [instance] = await rig.journal.documents({ collection: "alert-instances", limit: 1 });
  const [incident] = await rig.journal.documents({ collection: "incidents", limit: 1 });
  for (const { collection, key } of [instance, incident]) await write(rig, collection, key, '{"v":2}');
  await rig.restart();
  expect(rig.trouble).toEqual([
    expect.stringContaining(`document ${JSON.stringify(instance.key)} of "alert-instances" ${UNKNOWN}`),
    expect.stringContaining(`document ${JSON.stringify(incident.key)} of "incidents" ${UNKNOWN}`),
  ]);
  // Without its instance it is over.
  expect(firing(rig)).toEqual(["alert-2 b"]);
  await rig.close();
});

test("one that is cleared is left out of lists, said once; to ask for it is DATA_LOSS", async () => {
  const rig = await rigWith("a", "b");
  await rig.advance(1_000);
  await rig.send({ metric: "temp", source: "a", value: 1 }, { metric: "temp", source: "b", value: 1 });
  await write(rig, "alerts-cleared", "alert-1", '{"v":2}');
  await rig.restart();
  for (let i = 0; i < 2; i++) {
    const { alerts } = await call(rig, Alerts.method.listAlerts, { state: AlertState.CLEARED });
    expect(alerts.map(({ id }) => id)).toEqual(["alert-2"]);
  }
  expect(rig.trouble).toEqual([expect.stringContaining(`document "alert-1" of "alerts-cleared" ${UNKNOWN}`)]);
  expect(
    await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" }).catch((error: unknown) => error),
  ).toMatchObject({
    status: "DATA_LOSS",
    message: expect.stringContaining('document "alert-1" of "alerts-cleared" cannot be read'),
  });
  await rig.close();
});

test("an entry is left out of an alert's history, and of what a stream makes good", async () => {
  const rig = await rigWith("a");
  const cursor = rig.journal.cursorOf(rig.journal.lastPosition);
  const event = { atMs: rig.clock.nowMs(), kind: "alert", subject: "alert-1", actor: "", payload: '{"v":2}' };
  const [{ position }] = await rig.journal.append([event]);
  await rig.restart();
  await call(rig, Alerts.method.commentAlert, { id: "alert-1", text: "on my way" });
  const { events } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
  expect(events.map(({ text }) => text)).toEqual(["", "on my way"]);
  const reader = new Reader(rig, { updates: true, cursor });
  await rest();
  expect(reader.said()).toEqual(["alert-1 commented medium"]);
  await reader.close();
  expect(rig.trouble).toEqual([expect.stringContaining(`journal entry ${position} ${UNKNOWN}`)]);
  await rig.close();
});
