/** Puts a rule, unless it would take the place of one that nobody has looked at. */
import type { PutRuleResponse, Rule } from "../../../../wire/gen/rules_pb.ts";
import { alertsApi } from "../../../api.ts";
import { confirm } from "../../../parts/dialog.tsx";
import { countText } from "../../../format.ts";
import { tell, tellError } from "../../../parts/tell.ts";
import { user } from "../../../user.ts";
import { infoOf, isSame } from "./rule-editor.tsx";
import { endsAlerts } from "./rule-form.ts";

/** `begun`: as it was when it was opened; undefined: it is new. Resolves with undefined where the person thought better of it. */
export async function saveRule(rule: Rule, begun: Rule | undefined): Promise<PutRuleResponse | undefined> {
  const standing = rule.name === "" ? undefined : await infoOf(rule.name);
  const present = standing?.rule;
  if (begun === undefined && present !== undefined) {
    const text = present.fromFile
      ? "It comes from the server's rules file: choose another name for this one."
      : "This one would take its place, and its history goes on under the same name.";
    const question = { title: `There is a rule ${rule.name} already`, text, action: "Replace it", isDangerous: true };
    if (!(await confirm(question))) return undefined;
  }
  if (begun !== undefined && !isSame(begun, present)) {
    const title = present === undefined ? `${rule.name} was deleted meanwhile` : `${rule.name} was changed meanwhile`;
    const text = present === undefined ? "Saving makes it again." : "Somebody else has saved it since you opened it.";
    const question = {
      title,
      text,
      action: present === undefined ? "Make it again" : "Save mine over it",
      isDangerous: true,
    };
    if (!(await confirm(question))) return undefined;
  }
  const firing = standing?.firing ?? 0n;
  if (present !== undefined && firing > 0n && endsAlerts(present, rule)) {
    const title = `End ${countText(firing)} alerts of ${rule.name}?`;
    const text = rule.disabled
      ? "A rule that is paused fires nothing: alerts that fire now end with that."
      : "What is changed decides when it fires: alerts that fire now end, and fire again where it still holds.";
    const action = rule.disabled && !present.disabled ? "Pause" : "Save";
    if (!(await confirm({ title, text, action }))) return undefined;
  }
  return alertsApi.putRule({ rule, userId: user.peek() });
}

/** Of the rule as it stands now nothing else is changed. Resolves with undefined as saveRule does; rejects where there is none. */
export async function pauseRule(name: string, isPaused: boolean): Promise<PutRuleResponse | undefined> {
  const present = (await infoOf(name))?.rule;
  if (present === undefined) throw new Error(`there is no rule ${name} any more`);
  return saveRule({ ...present, disabled: isPaused }, present);
}

export async function deleteRule(name: string): Promise<boolean> {
  try {
    const { ended } = await alertsApi.deleteRule({ name, userId: user.peek() });
    tell(`${name} is deleted${ended > 0n ? `: ${countText(ended)} alerts ended with it` : ""}`);
    return true;
  } catch (error) {
    tellError(error, `${name} was not deleted`);
    return false;
  }
}
