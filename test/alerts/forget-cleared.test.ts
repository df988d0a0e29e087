/** Alerts that are over are listed for as long as the journal is kept, and what is active stays whatever its age. */
import { expect, test } from "bun:test";
import { forgetOld, trimSlice } from "../../src/log/journal-retention.ts";
import { Alerts, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const DAY_MS = 86_400_000;
const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };

async function cleared(rig: AlertsRig): Promise<string[]> {
  const { alerts } = await call(rig, Alerts.method.listAlerts, { state: AlertState.CLEARED });
  return alerts.map(({ id }) => id).sort();
}

test("by their last change, and a restart finds everything else as it stood", async () => {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(RULE);
  const send = (source: string, value: number) => rig.send({ metric: "temp", source, value });
  for (const source of ["active", "early", "long", "said"]) await send(source, 90);
  await rig.advance(DAY_MS);
  await send("early", 1);
  await send("said", 1);
  await rig.advance(9 * DAY_MS);
  const beforeMs = rig.clock.nowMs();
  await rig.advance(DAY_MS);
  await send("long", 1);
  await call(rig, Alerts.method.commentAlert, { id: "alert-4", text: "it was the valve" });
  expect(await cleared(rig)).toEqual(["alert-2", "alert-3", "alert-4"]);
  expect(await rig.alerts.forgetOld(beforeMs)).toBe(false);
  expect(await cleared(rig)).toEqual(["alert-3", "alert-4"]);
  await rig.restart();
  expect(await cleared(rig)).toEqual(["alert-3", "alert-4"]);
  expect([...rig.alerts.book.active()].map(({ id }) => id)).toEqual(["alert-1"]);
  await send("active", 1);
  expect(await cleared(rig)).toEqual(["alert-1", "alert-3", "alert-4"]);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});

test("many of them in slices, past those that stay", async () => {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(RULE);
  const points = Array.from({ length: 1_300 }, (_, i) => ({ metric: "temp", source: `s${i}` }));
  await rig.send(...points.map((point) => ({ ...point, value: 90 })));
  await rig.advance(DAY_MS);
  await rig.send(...points.map((point) => ({ ...point, value: 1 })));
  for (let i = 0; i < 100; i++) await rig.settle();
  const { value, ...first } = (await rig.journal.documents({ collection: "alerts-cleared", limit: 1 }))[0];
  const beforeMs = rig.clock.nowMs() + 1;
  const stays = { ...JSON.parse(value), updatedAtMs: beforeMs };
  await rig.journal.append([], [{ ...first, value: JSON.stringify(stays) }]);
  expect(rig.journal.count("alerts-cleared")).toBe(1_300);
  const left: number[] = [];
  for (let isMore = true; isMore;) {
    isMore = await rig.alerts.forgetOld(beforeMs);
    left.push(rig.journal.count("alerts-cleared"));
  }
  expect(left).toEqual([801, 301, 1]);
  expect(await rig.alerts.forgetOld(beforeMs)).toBe(false);
  await rig.close();
});

test("an active alert whose beginnings are gone from the journal goes on over a restart", async () => {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(RULE);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await rig.advance(30 * DAY_MS);
  const trimmed: number[] = [];
  const journal = {
    firstPosition: 1,
    read: (query: Parameters<typeof rig.journal.read>[0]) => rig.journal.read(query),
    async trim(through: number) {
      trimmed.push(through);
      rig.journal.entries.splice(0, through);
    },
  };
  const end = forgetOld([trimSlice(journal, rig.clock), rig.alerts.forgetOld], {
    keptMs: DAY_MS,
    clock: rig.clock,
    onTrouble: (sentence) => rig.trouble.push(sentence),
  });
  await rig.advance(60_000);
  await end();
  expect(trimmed).toHaveLength(1);
  await rig.restart();
  const { alert, events } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
  expect({ state: alert?.state, events: events.length }).toEqual({ state: AlertState.ACTIVE, events: 0 });
  await rig.send({ metric: "temp", source: "a", value: 1 });
  expect(await cleared(rig)).toEqual(["alert-1"]);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});
