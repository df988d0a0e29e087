/** What an alert on the status of a device says of itself. */
import type { DeviceStanding } from "../model/device-standing.ts";
import type { Description } from "./alert.ts";
import { textsOf } from "./describe.ts";
import type { Instance } from "./instance.ts";
import type { Rule } from "./rule.ts";
import type { Severity } from "./severity.ts";

export function isOfDevice({ rule }: Pick<Instance, "rule">): boolean {
  return rule.condition.kind === "device";
}

/** `standing`: as it is; undefined where the device is gone. */
export function describeDevice(
  rule: Rule,
  device: string,
  standing: DeviceStanding | undefined,
  severity: Severity,
): Description {
  const { site = "", type = "", parent = "", status = "", reason = "" } = standing ?? {};
  const own = Object.entries({ device, site, type, parent }).filter(([, value]) => value !== "");
  // Those of the rule do not make two alerts one.
  const labels = { ...rule.labels, ...Object.fromEntries(own) };
  const place = { labels, metric: "", source: "", device };
  const context = { ...place, value: NaN, limit: NaN, severity, rule: rule.name, status, reason };
  const { title, description } = textsOf(rule);
  return { ...place, value: NaN, title: title(context), description: description(context), runbook: rule.runbook };
}
