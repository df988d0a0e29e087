/** What an alert's value is a value of. Pure. */
import type { Rule } from "../../wire/gen/rules_pb.ts";

/** Unit of what was compared with the limit, where the readings have `unit`; "": none, or not known. */
export function unitOfValue(rule: Rule | undefined, unit: string): string {
  const condition = rule?.condition;
  if (condition?.deviation !== undefined || condition?.seasonal !== undefined) return "σ";
  if (unit === "" || condition === undefined) return "";
  if (condition.rate !== undefined) return `${unit}/s`;
  if (condition.window !== undefined) return condition.window.function === "count" ? "" : unit;
  const ofReading = condition.threshold ?? condition.ladder ?? condition.range ?? condition.stuck;
  return ofReading === undefined ? "" : unit;
}
