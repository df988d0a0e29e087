/** Between which event times something lies. Pure. */

/** Unix microseconds, both inclusive. */
export interface TimeSpan {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Of what there is none. */
export const NO_TIME: TimeSpan = { fromUs: Infinity, toUs: -Infinity };
/** Of what nobody knows when it was. */
export const ANY_TIME: TimeSpan = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER };

/** From the earlier beginning to the later end. */
export function joinedSpan(a: TimeSpan, b: TimeSpan): TimeSpan {
  return { fromUs: Math.min(a.fromUs, b.fromUs), toUs: Math.max(a.toUs, b.toUs) };
}
