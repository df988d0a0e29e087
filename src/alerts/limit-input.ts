/** Limits as conditions write them, and back: exactly one of above and below, and where it is calm again. */
import { number, optional } from "./input/fields.ts";
import { shown } from "./input/problem.ts";
import { mapOf, type Given, type Report } from "./input/record.ts";
import type { Limit } from "./rule.ts";
import { SEVERITIES, type Severity } from "./severity.ts";

/** Without `clear`: calm as soon as the limit is not met. */
export const sideFields = { above: optional(number(), undefined), below: optional(number(), undefined) };
export const limitFields = { ...sideFields, clear: optional(number(), undefined) };

export type LimitRead = {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly clear?: number | undefined;
};

export function checkLimit(given: Given, { above, below, clear }: LimitRead, report: Report): void {
  const hasAbove = given["above"] !== undefined;
  const hasBelow = given["below"] !== undefined;
  if (hasAbove === hasBelow) {
    report([], `${hasAbove ? "has both above and" : "has neither above nor"} below; wanted exactly one of them`);
  }
  if (clear === undefined || hasAbove === hasBelow) return;
  if (above !== undefined && clear > above) report(["clear"], `is ${clear}; wanted at most above, which is ${above}`);
  if (below !== undefined && clear < below) report(["clear"], `is ${clear}; wanted at least below, which is ${below}`);
}

/** Of what {@link checkLimit} has nothing against. */
export function limitOf({ above, below, clear }: LimitRead): Limit {
  const at = (above ?? below)!;
  return { direction: above === undefined ? "below" : "above", at, clearAt: clear ?? at };
}

export function limitInputOf({ direction, at, clearAt }: Limit): LimitRead {
  return { [direction]: at, clear: clearAt };
}

/** Steps go from the mildest to the gravest, each beyond the one before; looked at as they are written. */
export function checkSteps(written: unknown, report: Report): void {
  const steps = Array.isArray(written) ? written.map((step: unknown) => mapOf(step) ?? {}) : [];
  for (let i = 1; i < steps.length; i++) {
    const step = steps[i];
    const before = steps[i - 1];
    const [rank, rankBefore] = [step, before].map(({ severity }) => SEVERITIES.indexOf(severity as Severity));
    if (rank >= 0 && rank <= rankBefore) {
      const wanted = `wanted a graver one than ${shown(before["severity"])}, the step before`;
      report(["steps", i, "severity"], `is ${shown(step["severity"])}; ${wanted}`);
    }
    const side = sideOf(step);
    const sideBefore = sideOf(before);
    if (side === undefined || sideBefore === undefined) continue;
    const [at, atBefore] = [step[side], before[sideBefore]] as number[];
    if (side !== sideBefore) {
      report(["steps", i, side], `is ${at}; wanted ${sideBefore}, as in the step before`, true);
    } else if (side === "above" ? at <= atBefore : at >= atBefore) {
      const than = side === "above" ? "more" : "less";
      report(["steps", i, side], `is ${at}; wanted ${than} than ${atBefore}, the step before`);
    }
  }
}

/** The limit that is a number, where one is. */
function sideOf(step: Given): Limit["direction"] | undefined {
  const sides = (["above", "below"] as const).filter((side) => typeof step[side] === "number");
  return sides.length === 1 ? sides[0] : undefined;
}
