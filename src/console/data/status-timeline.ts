/** How a device stood over a time, out of its events. Pure. */
import type { Device, DeviceEvent } from "../../wire/gen/devices_pb.ts";
import { msOf } from "../format.ts";

export interface StatusSpan {
  readonly fromMs: number;
  readonly toMs: number;
  /** "unknown": nobody can tell any more. */
  readonly status: string;
  readonly reason: string;
  readonly isFlapping: boolean;
}

export interface StatusTimeline {
  /** One after the other, from the beginning of the range to its end. */
  readonly spans: readonly StatusSpan[];
  /** How often it changed, as far as that was written down. */
  readonly changes: number;
}

interface Turn {
  readonly atMs: number;
  readonly status: string;
  readonly before: string;
  readonly reason: string;
  readonly isFlapping: boolean;
}

const UNKNOWN = "unknown";

/** `events`: the latest first; `isAll`: there are none before them. Changes of a status to itself are one span. */
export function statusTimeline(
  device: Device,
  events: readonly DeviceEvent[],
  isAll: boolean,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): StatusTimeline {
  const turns = events
    .filter(({ kind }) => kind === "status")
    .map(turnOf)
    .reverse();
  const present = turnOfPresent(device);
  // What changes too often for the journal is told live alone.
  if (present !== undefined && present.atMs > (turns.at(-1)?.atMs ?? -Infinity)) turns.push(present);
  const knownFromMs = isAll ? (msOf(device.createdAt) ?? -Infinity) : (msOf(events.at(-1)?.time) ?? Infinity);
  const [first] = turns;
  const atFirst = first === undefined ? device.status : first.before;
  const spans: StatusSpan[] = [];
  const add = (from: number, to: number, status: string, reason: string, isFlapping: boolean) => {
    const span = { fromMs: Math.max(fromMs, from), toMs: Math.min(toMs, to), status, reason, isFlapping };
    if (span.toMs <= span.fromMs) return;
    const last = spans.at(-1);
    const isSame = last?.status === status && last.isFlapping === isFlapping;
    if (isSame) spans[spans.length - 1] = { ...last, toMs: span.toMs };
    else spans.push(span);
  };
  const firstMs = first?.atMs ?? Infinity;
  add(-Infinity, Math.min(knownFromMs, firstMs), UNKNOWN, "", false);
  add(Math.min(knownFromMs, firstMs), firstMs, atFirst || UNKNOWN, "", false);
  turns.forEach(({ atMs, status, reason, isFlapping }, i) => {
    add(atMs, turns[i + 1]?.atMs ?? Infinity, status, reason, isFlapping);
  });
  return { spans, changes: turns.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length };
}

/** The part of the time that each status had, the longest first; what nobody knows counts for nothing. */
export function sharesOf(spans: readonly StatusSpan[]): (readonly [status: string, share: number])[] {
  const known = spans.filter(({ status }) => status !== UNKNOWN);
  const allMs = known.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const byStatus = new Map<string, number>();
  for (const { status, fromMs, toMs } of known) byStatus.set(status, (byStatus.get(status) ?? 0) + toMs - fromMs);
  return [...byStatus].map(([status, ms]) => [status, ms / allMs] as const).sort(([, a], [, b]) => b - a);
}

function turnOf({ time, device, previousStatus }: DeviceEvent): Turn {
  const { status = "", statusReason = "", isFlapping = false } = device ?? {};
  return { atMs: msOf(time) ?? 0, status, before: previousStatus, reason: statusReason, isFlapping };
}

function turnOfPresent({ status, statusSince, statusReason, isFlapping }: Device): Turn | undefined {
  const atMs = msOf(statusSince);
  return atMs === undefined ? undefined : { atMs, status, before: "", reason: statusReason, isFlapping };
}
