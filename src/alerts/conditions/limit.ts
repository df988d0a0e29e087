import type { Limit } from "../rule.ts";

/** Whether a value meets a limit. One that was met is met until the value is back at `clearAt`. */
export function meets({ direction, at, clearAt }: Limit, value: number, wasMet: boolean): boolean {
  const edge = wasMet ? clearAt : at;
  return direction === "above" ? value > edge : value < edge;
}
