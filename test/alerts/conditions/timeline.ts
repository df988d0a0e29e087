/**
 * Golden timelines of one condition. A line is a time since the start, a value, and the level that is expected from then
 * on; what is observed may stand behind it. With "-" for the value a level fell due without a sample; "end" plays on so far.
 */
import { parseDurationMs } from "../../../src/model/duration.ts";
import type { ConditionState } from "../../../src/alerts/conditions/condition-state.ts";
import type { Limit } from "../../../src/alerts/rule.ts";

/** A Thursday, 00:00 UTC. */
export const START_US = Date.UTC(2026, 0, 1) * 1_000;

export function above(at: number, clearAt = at): Limit {
  return { direction: "above", at, clearAt };
}

export function below(at: number, clearAt = at): Limit {
  return { direction: "below", at, clearAt };
}

/** What the lines should be, in one way of spacing. */
export function linesOf(text: string): string[] {
  const lines = text.trim().split("\n");
  return lines.map((line) => line.trim().split(/\s+/).join(" ")).filter((line) => line !== "");
}

/** What they are: asked as the engine asks, what falls due first. */
export function played(state: ConditionState, text: string): string[] {
  const out: string[] = [];
  let level = 0;
  const tell = (time: string, value: string, isTold: boolean) => {
    out.push([time, value, level, ...(isTold ? [Number(state.observed.toPrecision(6))] : [])].join(" "));
  };
  for (const line of linesOf(text)) {
    const [time, value, , observed] = line.split(" ");
    const timeUs = START_US + Math.round(parseDurationMs(time) * 1_000);
    const isTold = observed !== undefined;
    while (value === "end" ? state.dueUs <= timeUs : state.dueUs < timeUs) {
      const dueUs = state.dueUs;
      level = state.elapse(dueUs, level);
      tell(spelled((dueUs - START_US) / 1_000), "-", isTold);
      if (state.dueUs === dueUs) throw new Error(`still due at ${dueUs} after it elapsed`);
    }
    if (value === "-") continue;
    if (value !== "end") level = state.take(timeUs, Number(value), level);
    tell(time, value, isTold);
  }
  return out;
}

/** In its largest unit that divides it. */
function spelled(ms: number): string {
  const units = [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const;
  const [unit, unitMs] = units.find(([, each]) => ms % each === 0) ?? ["us", 0.001];
  return `${Math.round(ms / unitMs)}${unit}`;
}
