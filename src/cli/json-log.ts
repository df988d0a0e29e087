/** Log lines in JSON, one object each with the fields and levels of pino: what reads those reads these. */
import type { LevelledLog } from "../overview/log-level.ts";
import type { LogFields, Logger } from "../model/logger.ts";

export type Level = "debug" | "info" | "warn" | "error";

const RANKS: Readonly<Record<Level, number>> = { debug: 20, info: 30, warn: 40, error: 50 };
const CAUSES_MAX = 8;

/** `write` takes whole lines. Lines below `level`, which may be changed, are not made. */
export function jsonLog(first: Level, write: (line: string) => void, now: () => Date): Logger & LevelledLog {
  let level: string = first;
  let least = RANKS[first];
  const at = (name: Level) => (fields: LogFields, message: string) => {
    if (RANKS[name] >= least) write(lineOf(RANKS[name], now(), fields, message));
  };
  return {
    get level() {
      return level;
    },
    set level(name) {
      if (!(name in RANKS))
        throw new RangeError(`${name} is no level of the log; wanted ${Object.keys(RANKS).join(", ")}`);
      level = name;
      least = RANKS[name as Level];
    },
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}

function lineOf(level: number, time: Date, fields: LogFields, msg: string): string {
  try {
    return `${JSON.stringify({ level, time, ...fields, msg }, plain)}\n`;
  } catch (error) {
    // What is said matters more than what stands beside it, such as an object in a circle.
    return `${JSON.stringify({ level, time, fieldsLost: String(error), msg })}\n`;
  }
}

/** What JSON would leave empty, or does not know. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Error ? toldError(value) : value;
}

function toldError(error: Error): Record<string, unknown> {
  const { cause: _, ...own } = error;
  return { ...own, type: error.name, message: error.message, stack: stackOf(error) };
}

/** With those of its causes. */
function stackOf(error: Error): string {
  const stacks: string[] = [];
  for (let each: unknown = error; each instanceof Error && stacks.length < CAUSES_MAX; each = each.cause) {
    stacks.push(each.stack ?? String(each));
  }
  return stacks.join("\ncaused by: ");
}
