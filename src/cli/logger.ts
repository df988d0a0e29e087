/** Log lines to stderr: pino's JSON, or the same made readable for a terminal. */
import pino, { type DestinationStream } from "pino";
import pretty from "pino-pretty";
import type { Logger } from "../model/logger.ts";

export interface LoggerOptions {
  /** "auto": readable on a terminal, JSON otherwise. */
  readonly format: "auto" | "pretty" | "json";
  readonly level: "debug" | "info" | "warn" | "error";
}

export function isPretty(format: LoggerOptions["format"]): boolean {
  return format === "pretty" || (format === "auto" && process.stderr.isTTY === true);
}

export function createLogger({ format, level }: LoggerOptions): Logger {
  const colorize = process.stderr.isTTY === true && !process.env["NO_COLOR"];
  const destination: DestinationStream = isPretty(format)
    ? pretty({ colorize, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", destination: 2, sync: true })
    : pino.destination({ fd: 2, sync: true });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
