/** Follows the rules file: looks at it from time to time, which also finds files that are replaced, or linked elsewhere. */
import { statSync } from "node:fs";
import type { Clock } from "../model/clock.ts";

const LOOK_EVERY_MS = 2_000;

/** Calls `onChange` when the file is another than at the look before, and when it comes back. Returns what ends it. */
export function watchFile(path: string, clock: Clock, onChange: () => void): () => void {
  let seen = stampOf(path);
  let cancel = () => {};
  const look = () => {
    const stamp = stampOf(path);
    if (stamp !== null && stamp !== seen) onChange();
    seen = stamp ?? seen;
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();
}

/** Null where it cannot be looked at: it may be about to be replaced. */
function stampOf(path: string): string | null {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return null;
  }
}
