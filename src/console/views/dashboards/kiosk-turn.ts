/** Which dashboards a wall screen shows one after the other: "?kiosk&cycle=30s&with=b,c". Pure. */
import { durationOf } from "../../data/typed-duration.ts";

const CYCLE_MS_MIN = 5_000;

export interface KioskTurn {
  readonly afterMs: number;
  readonly nextId: string;
  /** Of the address of the next one. */
  readonly params: URLSearchParams;
}

/** Undefined: it stays. */
export function kioskTurn(id: string, params: URLSearchParams): KioskTurn | undefined {
  const cycleMs = durationOf(params.get("cycle") ?? "");
  const [nextId, ...others] = (params.get("with") ?? "").split(",").filter((each) => each !== "" && each !== id);
  if (cycleMs === undefined || nextId === undefined) return undefined;
  const next = new URLSearchParams(params);
  next.set("with", [...others, id].join(","));
  return { afterMs: Math.max(CYCLE_MS_MIN, cycleMs), nextId, params: next };
}
