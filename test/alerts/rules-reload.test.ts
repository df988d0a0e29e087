/** A rules file is taken whole or not at all, also where only receivers can tell that it is wrong. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import type { Rule } from "../../src/alerts/rule.ts";
import { tempDir } from "../support/server-process.ts";
import { AlertsRig } from "./rig.ts";

const RULE = { name: "other", metric: "temp", condition: { threshold: { above: 80 } } };

const fileRule = (name: string): Rule => ({
  ...ruleOf({ name, metric: "temp", condition: { threshold: { above: 80 } } }),
  isFromFile: true,
});

test("rules, receivers, policies and correlation stay as they were where one of them cannot be taken", async () => {
  using dir = tempDir("rules-reload");
  const secret = join(dir.path, "url");
  const setup = (policy: string) =>
    notifySetupOf(
      {
        route: { receiver: "desk" },
        receivers: [{ name: "desk", slack: { url_file: secret } }],
        escalations: [{ name: policy, steps: [{ after: "0s", notify: "desk" }] }],
        correlation: { labels: [policy] },
      },
      {},
    );
  const rig = new AlertsRig();
  rig.file = { rules: [fileRule("hot")], notify: notifySetupOf({ correlation: { labels: ["line"] } }, {}) };
  await rig.open();
  await rig.put({ name: "cold", metric: "temp", condition: { threshold: { below: 0 } } });
  await rig.send({ metric: "temp", source: "a", tags: { line: "7" }, value: 90 });
  const names = () => rig.alerts.rules.all().map(({ rule }) => rule.name);
  const refused = [
    [{ rules: [fileRule("new")], notify: setup("plant") }, "cannot be read"],
    [{ rules: [fileRule("cold")], notify: setup("plant") }, "a name that no rule put by a call has"],
  ] as const;
  for (const [i, [file, why]] of refused.entries()) {
    if (i === 1) writeFileSync(secret, "http://127.0.0.1:1/");
    await expect(rig.alerts.reload(file)).rejects.toThrow(why);
    expect(names()).toEqual(["cold", "hot"]);
    await expect(rig.alerts.rules.put(ruleOf({ ...RULE, escalation: "plant" }), "eve")).rejects.toThrow(
      "no escalation policies",
    );
    await rig.send({ metric: "temp", source: `b${i}`, tags: { line: "7" }, value: 90 });
    expect(new Set([...rig.alerts.book.active()].map(({ incidentId }) => incidentId)).size).toBe(1);
  }
  await rig.alerts.reload({ rules: [fileRule("new")], notify: setup("plant") });
  expect(names()).toEqual(["cold", "new"]);
  await rig.close();
});
