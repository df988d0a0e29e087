/** What came on one topic pattern since the server started. */
import { truncated } from "../../model/errors.ts";

/** Kinds of reasons that are told apart; the others are counted together. */
const KINDS_MAX = 16;
const KIND_LENGTH_MAX = 120;
export const OTHER_REASONS = "other reasons";

export class TopicCounts {
  messages = 0;
  /** Points that are stored. */
  points = 0;
  /** Points that may not be stored. */
  refused = 0;
  /** Messages that gave nothing, though they should have. */
  malformed = 0;
  /** Parts of messages, or all of one, that are no points and need not be, by reason. */
  readonly leftOut = new Map<string, number>();
  /** Unix milliseconds; 0: none came. */
  lastMessageMs = 0;
  /** Of what was malformed, and of what was refused: by kind of reason. */
  readonly malformedReasons = new Map<string, number>();
  readonly refusedReasons = new Map<string, number>();
  lastError = "";
  lastErrorMs = 0;

  malform(reason: string, nowMs: number): void {
    this.malformed++;
    addKind(this.malformedReasons, reason, 1);
    this.failed(reason, nowMs);
  }

  refuse(reason: string, count: number, nowMs: number): void {
    this.refused += count;
    addKind(this.refusedReasons, reason, count);
    this.failed(reason, nowMs);
  }

  failed(error: string, nowMs: number): void {
    this.lastError = truncated(error, 400);
    this.lastErrorMs = nowMs;
  }

  leaveOut(reasons: ReadonlyMap<string, number>): void {
    for (const [reason, count] of reasons) this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + count);
  }
}

function addKind(kinds: Map<string, number>, reason: string, count: number): void {
  const kind = kindOf(reason);
  const key = kinds.has(kind) || kinds.size < KINDS_MAX ? kind : OTHER_REASONS;
  kinds.set(key, (kinds.get(key) ?? 0) + count);
}

/** A sentence without what differs from message to message: times, details behind a colon, texts and numbers that were met. */
export function kindOf(reason: string): string {
  const timeless = reason.slice(0, 4 * KIND_LENGTH_MAX).replace(/[-+]?\b\d{4,6}-\d\d-\d\dT[\d:.]+Z/g, "…");
  const [met, ...wanted] = timeless.split("; wanted ");
  const general = met.replace(/: .*$/s, "").replace(/"(?:[^"\\]|\\.)*(?:"|$)|-?\d[\d.]*(?:e[+-]?\d+)?/gi, "…");
  return truncated([general, ...wanted].join("; wanted "), KIND_LENGTH_MAX);
}
