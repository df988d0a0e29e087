/** The wall clock: whether somebody keeps it right, and whether it stands behind what is stored. */
import { dlopen, ptr } from "bun:ffi";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatRoughDurationMs } from "../../model/duration.ts";
import { findings, type Finding } from "./finding.ts";

/** Machines without a battery for their clock begin long before it. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
/** A file's time and the wall clock are not read at once. */
const TOLERANCE_MS = 2_000;
/** `struct timex`, with room; where `status` stands in it on 64 bits. */
const TIMEX_BYTES = 512;
const STATUS_OFFSET = 40;
const STA_UNSYNC = 0x40;
const TIME_ERROR = 5;

export interface ClockFacts {
  readonly nowMs: number;
  /** Undefined: the system does not tell. */
  readonly isSynchronised: boolean | undefined;
  /** When something was written in the data directory the last time; 0: never. */
  readonly newestFileMs: number;
}

export function clockOf(data: string): ClockFacts {
  return { nowMs: Date.now(), isSynchronised: isSynchronised(), newestFileMs: newestFileMs(data) };
}

export function checkClock({ nowMs, isSynchronised, newestFileMs }: ClockFacts): Finding[] {
  const { ok, warning, problem } = findings("clock");
  const now = new Date(nowMs).toISOString();
  const behindMs = newestFileMs - nowMs;
  if (behindMs > TOLERANCE_MS) {
    const behind = formatRoughDurationMs(behindMs);
    const text = `it is ${now}, and the data directory was written ${behind} later: the clock went back`;
    return [problem(text, "set it; until it has caught up points of any time are taken")];
  }
  if (nowMs < EARLIEST_MS) {
    return [problem(`it is ${now}, which is long ago`, "set the clock: timedatectl set-ntp true")];
  }
  if (isSynchronised === false) {
    const advice = "run an NTP client: timedatectl set-ntp true, or chrony";
    return [warning(`it is ${now}, and nothing keeps the clock right`, advice)];
  }
  const kept = isSynchronised ? ", and NTP keeps it right" : "; whether NTP keeps it right is not known";
  return [ok(`it is ${now}${kept}`)];
}

function newestFileMs(data: string): number {
  try {
    const times = readdirSync(data).map((name) => statSync(join(data, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return Math.max(0, ...times);
  } catch {
    return 0;
  }
}

/** What the kernel was told by whoever keeps its clock: adjtimex(2), reading alone. */
function isSynchronised(): boolean | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const { adjtimex } = dlopen("libc.so.6", { adjtimex: { args: ["ptr"], returns: "i32" } }).symbols;
    const timex = Buffer.alloc(TIMEX_BYTES);
    const state = adjtimex(ptr(timex));
    return state < 0 ? undefined : state !== TIME_ERROR && (timex.readInt32LE(STATUS_OFFSET) & STA_UNSYNC) === 0;
  } catch {
    return undefined;
  }
}
