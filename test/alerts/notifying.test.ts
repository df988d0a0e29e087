/** Who is told of alerts, and when, through the whole of alerts. */
import { expect, test } from "bun:test";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const HOUR_MS = 3_600_000;

test("an alert that fires outside the active times of its rule is told of when they begin, and not repeated behind them", async () => {
  const rig = new AlertsRig();
  const route = { receiver: "ops", group_wait: "0s", repeat_interval: "2h" };
  rig.file = { rules: [], notify: webhookSetup(["ops"], { route }) };
  using webhooks = new Webhooks(rig);
  await rig.open();
  const times = [{ from: "06:00", to: "09:00" }];
  await rig.put({ name: "hot", metric: "temp", condition: { threshold: { above: 80 } }, active_times: times });
  await webhooks.pass(HOUR_MS);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await webhooks.pass(23 * HOUR_MS);
  await webhooks.pass(7 * HOUR_MS);
  const hours = webhooks.told.map(({ atMs, status }) => `${(atMs - START_MS) / HOUR_MS} ${status}`);
  expect(hours).toEqual(["6 firing", "8 firing", "30 firing"]);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});
