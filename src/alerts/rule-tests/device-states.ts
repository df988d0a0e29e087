/** States of a device one interval after the other, in the notation of values: "online offlinex9 _x3 deleted". */
import { DEVICE_STATUSES } from "../../model/device-standing.ts";
import { wordsOf } from "../input/fields.ts";

/** A status, "deleted", or null: it stays as it is. */
export type DeviceStates = readonly (string | null)[];

const STATES_MAX = 1_000_000;
const DELETED = "deleted";
const STATES: readonly string[] = [...DEVICE_STATUSES, DELETED];
const PART = /^(_|[a-z_]+?)(?:x(\d+))?$/;
const WANTED = `wanted ${wordsOf(STATES)}, each for an interval or with xN for N more, "_" or "_xN" where it stays as it is`;

/** Throws RangeError with what was wanted. */
export function parseDeviceStates(text: string): DeviceStates {
  const states: (string | null)[] = [];
  for (const part of text.trim().split(/\s+/)) {
    if (part === "") continue;
    const [, state = "", times] = PART.exec(part) ?? [];
    if (state !== "_" && !STATES.includes(state)) throw new RangeError(`${JSON.stringify(part)} is none: ${WANTED}`);
    const count = state === "_" ? Number(times ?? 1) : Number(times ?? 0) + 1;
    if (count > STATES_MAX - states.length) {
      throw new RangeError(`${part} makes it longer than ${STATES_MAX} states; wanted at most that many`);
    }
    for (let i = 0; i < count; i++) states.push(i === 0 && state !== "_" ? state : null);
  }
  if (states.length === 0) throw new RangeError(WANTED);
  return states;
}

export function isDeleted(state: string): boolean {
  return state === DELETED;
}
