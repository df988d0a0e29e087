/** Rules put by calls, and the escalation policies of the rules file that they name. */
import { expect, test } from "bun:test";
import { wantedPolicy } from "../../src/alerts/known-policy.ts";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };

function fileWith(...policies: string[]) {
  const escalations = policies.map((name) => ({ name, steps: [{ after: "0s", notify: "desk" }] }));
  return {
    rules: [],
    notify: notifySetupOf({ route: { receiver: "desk" }, receivers: [{ name: "desk" }], escalations }, {}),
  };
}

test("what is said of a name: the closest one, and which there are", () => {
  expect(wantedPolicy("plnt", ["plant", "night"])).toBe("did you mean plant? (night, plant)");
  expect(wantedPolicy("x", ["plant"])).toBe("wanted an escalation policy of the server's rules file (plant)");
  expect(wantedPolicy("x", [])).toBe("wanted none: the server's rules file has no escalation policies");
  const many = Array.from({ length: 12 }, (_, i) => `policy-${String(i).padStart(2, "0")}`);
  expect(wantedPolicy("x", many)).toEndWith("policy-08, policy-09, 2 more)");
});

test("a rule that names one that there is not is refused, and stands as it stood", async () => {
  const rig = new AlertsRig();
  rig.file = fileWith("plant", "night");
  await rig.open();
  const put = (escalation: string) =>
    call(rig, Alerts.method.putRule, { rule: { ...RULE, severity: "high", escalation } });
  await put("plant");
  const error = (await put("plnt").catch((thrown: unknown) => thrown)) as WatchpostError;
  const description = 'rule.escalation is "plnt"; did you mean plant? (night, plant)';
  expect(error).toMatchObject({ status: "INVALID_ARGUMENT", message: description });
  expect(error.violations).toEqual([{ field: "rule.escalation", description }]);
  const { rules, escalations } = await call(rig, Alerts.method.listRules, {});
  expect(rules.map(({ rule, trouble }) => [rule!.escalation, trouble])).toEqual([["plant", ""]]);
  expect(escalations).toEqual(["plant", "night"]);
  await rig.close();
});

test("one whose policy goes with the file stays, and that is said, also after a restart, until it is there again", async () => {
  const rig = new AlertsRig();
  rig.file = fileWith("plant");
  await rig.open();
  await rig.put({ ...RULE, escalation: "plant" }, { ...RULE, name: "cold" });
  const troubles = async () => (await call(rig, Alerts.method.listRules, {})).rules.map(({ trouble }) => trouble);
  const said =
    "a rule names an escalation policy that the rules file does not have, and alerts do not escalate: hot (plant)";
  const trouble = 'there is no escalation policy "plant": its alerts do not escalate';
  expect(rig.trouble).toEqual([]);
  await rig.alerts.reload(fileWith("night"));
  expect(rig.trouble.splice(0)).toEqual([said]);
  expect(await troubles()).toEqual(["", trouble]);
  expect((await call(rig, Alerts.method.getRule, { name: "hot" })).info?.trouble).toBe(trouble);
  rig.file = fileWith();
  await rig.restart();
  expect(rig.trouble.splice(0)).toEqual([said]);
  expect(await troubles()).toEqual(["", trouble]);
  await rig.alerts.reload(fileWith("plant"));
  expect(rig.trouble).toEqual([]);
  expect(await troubles()).toEqual(["", ""]);
  await rig.close();
});
