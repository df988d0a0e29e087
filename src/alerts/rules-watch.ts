/** Follows the rules file: looks at it from time to time, which also finds files that are replaced, or linked elsewhere. */
import { statSync } from "node:fs";
import type { Clock } from "../model/clock.ts";

const LOOK_EVERY_MS = 2_000;

/**
 * Calls `onChange` when the file is another than at the look before, and when it comes back; `seen`: its stamp when it was
 * read before. One call at a time: the next look comes after it, and finds what changed while it read. Returns what ends it,
 * and resolves when a call that is under way has come to its end.
 */
export function watchFile(
  path: string,
  clock: Clock,
  onChange: () => Promise<void>,
  seen: string | null = stampOf(path),
): () => Promise<void> {
  let isEnded = false;
  let cancel = () => {};
  let underWay = Promise.resolve();
  const lookLater = () => {
    if (!isEnded) cancel = clock.after(LOOK_EVERY_MS, look);
  };
  const look = () => {
    const stamp = stampOf(path);
    if (stamp === null || stamp === seen) return lookLater();
    seen = stamp;
    underWay = onChange().finally(lookLater);
  };
  lookLater();
  return () => {
    isEnded = true;
    cancel();
    return underWay;
  };
}

/** Another whenever the file is. Null where it cannot be looked at: it may be about to be replaced. */
export function stampOf(path: string): string | null {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return null;
  }
}
