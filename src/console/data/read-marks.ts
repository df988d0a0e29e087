/** How far one has read in each session, kept in the browser: of the sessions that were read last. */
import { signal } from "@preact/signals";
import { readKept, writeKept } from "../kept.ts";

const KEY = "read";
const SESSIONS_MAX = 200;

const marks = signal<ReadonlyMap<string, number>>(stored());

/** Number of the last message that was read; undefined: none ever was. */
export function readUpTo(sessionId: string): number | undefined {
  return marks.value.get(sessionId);
}

export function markRead(sessionId: string, number: number): void {
  if (number <= (marks.peek().get(sessionId) ?? 0)) return;
  const others = [...marks.peek()].filter(([id]) => id !== sessionId);
  marks.value = new Map([...others, [sessionId, number] as const].slice(-SESSIONS_MAX));
  writeKept(KEY, JSON.stringify([...marks.value]));
}

function stored(): Map<string, number> {
  try {
    const pairs = JSON.parse(readKept(KEY) ?? "[]") as [string, number][];
    return new Map(pairs.filter(([id, number]) => typeof id === "string" && Number.isSafeInteger(number)));
  } catch {
    return new Map();
  }
}
