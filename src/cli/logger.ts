/** Log lines to stderr: pino's JSON, or the same made readable for a terminal. */
import pino, { type DestinationStream } from "pino";
import type { Logger } from "../model/logger.ts";

export interface LoggerOptions {
  /** "auto": readable on a terminal, JSON otherwise. */
  readonly format: "auto" | "pretty" | "json";
  readonly level: "debug" | "info" | "warn" | "error";
}

export function isPretty(format: LoggerOptions["format"]): boolean {
  return format === "pretty" || (format === "auto" && process.stderr.isTTY === true);
}

export async function createLogger({ format, level }: LoggerOptions): Promise<Logger & { level: string }> {
  const destination = isPretty(format) ? await prettyStderr() : pino.destination({ fd: 2, sync: true });
  const logger: Logger & { level: string } = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  return logger;
}

/** A service has no terminal, and need not have this in memory. */
async function prettyStderr(): Promise<DestinationStream> {
  const { default: pretty } = await import("pino-pretty");
  const colorize = process.stderr.isTTY === true && !process.env["NO_COLOR"];
  return pretty({ colorize, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", destination: 2, sync: true });
}
