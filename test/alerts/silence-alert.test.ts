/** That a silence is about to end: the log, an alert while alerts fire that it holds back, and its receivers. */
import { expect, test } from "bun:test";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { Alerts, SilenceState } from "../../src/wire/gen/alerts_pb.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const MINUTE_MS = 60_000;
const MATCHERS = [{ name: "source", operator: "=" as const, value: "a" }];

async function silencedRig(receivers: object[] = [{ name: "null" }]): Promise<AlertsRig> {
  const rig = new AlertsRig();
  const route = { receiver: (receivers[0] as { name: string }).name, group_wait: "0s" };
  rig.file = { rules: [], notify: notifySetupOf({ route, receivers }, {}) };
  await rig.open();
  await rig.put({ name: "hot", metric: "temp", condition: { threshold: { above: 80 } } });
  await silence(rig, 60);
  return rig;
}

/** Up to a minute after the start. */
async function silence(rig: AlertsRig, minute: number): Promise<void> {
  const times = { startsAtMs: START_MS, endsAtMs: START_MS + minute * MINUTE_MS };
  const said = { author: "ann", comment: "works on pump 1", isForAll: false };
  await rig.alerts.notifying.putSilence({ id: "5e1f21ab-77", matchers: MATCHERS, ...times, ...said }, "ann");
  await rig.settle();
}

const active = (rig: AlertsRig) => [...rig.alerts.book.active()].map(({ rule, severity }) => `${rule} ${severity}`);
const ending = (rig: AlertsRig) => [...rig.alerts.book.active()].find(({ rule }) => rule === "silence-ending");

test("an alert says so, on the stream and to receivers, and ends with the silence", async () => {
  const heard: string[] = [];
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { alerts } = (await request.json()) as { alerts: { labels: { alertname: string }; status: string }[] };
      heard.push(...alerts.map(({ labels, status }) => `${labels.alertname} ${status}`));
      return new Response("");
    },
  });
  const rig = await silencedRig([{ name: "desk", webhook: { url: `http://127.0.0.1:${server.port}/` } }]);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  const reader = new Reader(rig, {});
  await rig.advance(44 * MINUTE_MS);
  expect({ active: active(rig), notices: rig.notices }).toEqual({ active: ["hot medium"], notices: [] });
  await rig.advance(MINUTE_MS);
  const title = 'the silence 5e1f21ab of ann ends in 15m, and holds back 1 alert: {source="a"}';
  expect(rig.notices.splice(0)).toEqual([title]);
  expect(ending(rig)).toMatchObject({
    title,
    severity: "low",
    description: "works on pump 1",
    labels: { silence: "5e1f21ab-77" },
  });
  await rest();
  expect(reader.said()).toEqual(["alert-1 medium", "alert-2 low"]);
  await reader.close();
  // What is on its way when the clock moves on would come too late.
  const isDelivered = () => rig.journal.entries.some(({ kind }) => kind === "delivery");
  const deadline = Bun.nanoseconds() + 10e9;
  while (!isDelivered() && Bun.nanoseconds() < deadline) await Bun.sleep(2);
  expect(heard).toEqual(["silence-ending firing"]);
  await rig.restart();
  await rig.advance(15 * MINUTE_MS);
  expect(active(rig)).toEqual(["hot medium"]);
  expect(rig.notices).toEqual(['the silence 5e1f21ab of ann has ended, and held back 1 alert: {source="a"}']);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});

test("it ends, too, when the silence is extended or ended by hand; an extended one is announced again", async () => {
  const rig = await silencedRig();
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await rig.advance(50 * MINUTE_MS);
  expect(ending(rig)).toBeDefined();
  await silence(rig, 120);
  expect(ending(rig)).toBeUndefined();
  await rig.advance(60 * MINUTE_MS);
  expect(ending(rig)?.title).toContain("ends in 10m");
  await call(rig, Alerts.method.expireSilence, { id: "5e1f21ab-77" });
  await rig.settle();
  expect(active(rig)).toEqual(["hot medium"]);
  await rig.close();
});

test("where nothing fires that it holds back, the log alone", async () => {
  const rig = await silencedRig();
  await rig.send({ metric: "temp", source: "b", value: 90 });
  await rig.advance(45 * MINUTE_MS);
  expect(rig.notices).toEqual(['the silence 5e1f21ab of ann ends in 15m, and holds back no alert: {source="a"}']);
  expect(active(rig)).toEqual(["hot medium"]);
  await rig.close();
});

test("an alert's history has the silences that held it back, and no others", async () => {
  const rig = await silencedRig();
  await rig.send({ metric: "temp", source: "a", value: 90 }, { metric: "temp", source: "b", value: 90 });
  await rig.pass(MINUTE_MS);
  const history = async (id: string) => (await call(rig, Alerts.method.getAlertHistory, { id })).silences;
  const idOf = (source: string) => [...rig.alerts.book.active()].find((alert) => alert.source === source)!.id;
  const [held, other] = [idOf("a"), idOf("b")];
  expect(await history(held)).toMatchObject([{ id: "5e1f21ab-77", author: "ann", state: SilenceState.ACTIVE }]);
  expect(await history(other)).toEqual([]);
  await call(rig, Alerts.method.expireSilence, { id: "5e1f21ab-77", userId: "bob" });
  await rig.pass(MINUTE_MS);
  expect(await history(held)).toMatchObject([{ state: SilenceState.EXPIRED }]);
  await rig.send({ metric: "temp", source: "a", value: 70 });
  await rig.pass(MINUTE_MS);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await rig.pass(MINUTE_MS);
  expect(idOf("a")).not.toBe(held);
  expect(await history(idOf("a"))).toEqual([]);
  expect(await history(held)).toHaveLength(1);
  await rig.close();
});
