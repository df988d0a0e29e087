/** Log lines to stderr: JSON, or the same made readable for a terminal. */
import { writeSync } from "node:fs";
import type { Logger } from "../model/logger.ts";
import type { LevelledLog } from "../overview/log-level.ts";
import { jsonLog, type Level } from "./json-log.ts";

export interface LoggerOptions {
  /** "auto": readable on a terminal, JSON otherwise. */
  readonly format: "auto" | "pretty" | "json";
  readonly level: Level;
}

const STDERR = 2;
const AGAIN_AFTER_MS = 10;

export function isPretty(format: LoggerOptions["format"]): boolean {
  return format === "pretty" || (format === "auto" && process.stderr.isTTY === true);
}

export async function createLogger({ format, level }: LoggerOptions): Promise<Logger & LevelledLog> {
  const write = isPretty(format) ? await prettyStderr() : writeToStderr;
  return jsonLog(level, write, () => new Date());
}

/** A service has no terminal, and need not have this in memory. */
async function prettyStderr(): Promise<(line: string) => void> {
  const { default: pretty } = await import("pino-pretty");
  const colorize = process.stderr.isTTY === true && !process.env["NO_COLOR"];
  const options = {
    colorize,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
    destination: STDERR,
    sync: true,
  };
  const stream = pretty(options);
  return (line) => void stream.write(line);
}

/** Before it returns, so that the last lines before an end are there, and waits for a reader that is slow. */
function writeToStderr(line: string): void {
  let left = Buffer.from(line);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(STDERR, left));
    } catch (error) {
      // Nobody reads any more, or the disk of the log is full: there is nowhere left to say so.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Bun.sleepSync(AGAIN_AFTER_MS);
    }
  }
}
