/** How much is written to the log: changed for a while, and back by itself. */
import type { Clock } from "../model/clock.ts";
import { formatDurationMs } from "../model/duration.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LEVEL_FOR_MS = 3_600_000;
export const LEVEL_FOR_MS_MAX = 86_400_000;

/** The log, whose level can be set. */
export interface LevelledLog {
  level: string;
}

export interface LogLevelDeps {
  /** Undefined: it cannot be changed. */
  readonly log: LevelledLog | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface LevelNow {
  readonly level: string;
  readonly configured: string;
  /** Unix milliseconds; undefined: it is as configured. */
  readonly untilMs: number | undefined;
}

export class LogLevel {
  readonly #deps: LogLevelDeps;
  readonly #configured: string;
  #untilMs: number | undefined;
  #cancel: () => void = () => {};

  constructor(deps: LogLevelDeps) {
    this.#deps = deps;
    this.#configured = deps.log?.level ?? "";
  }

  get isDebug(): boolean {
    return this.#deps.log?.level === "debug";
  }

  get now(): LevelNow {
    return { level: this.#deps.log?.level ?? "", configured: this.#configured, untilMs: this.#untilMs };
  }

  /** `level` "": the configured one. `forMs` 0: an hour. Throws INVALID_ARGUMENT, FAILED_PRECONDITION where it cannot be changed. */
  set(level: string, forMs: number, by: string): LevelNow {
    const { log, clock, logger } = this.#deps;
    if (log === undefined) throw new WatchpostError("FAILED_PRECONDITION", "the log of this server has no levels");
    if (level !== "" && !(LOG_LEVELS as readonly string[]).includes(level))
      throw invalidField("level", level, `one of ${LOG_LEVELS.join(", ")}, or "" for the configured one`);
    if (!(forMs >= 0 && forMs <= LEVEL_FOR_MS_MAX))
      throw invalidField("for_ms", forMs, `0 to ${LEVEL_FOR_MS_MAX} (a day); 0: an hour`);
    const isOther = level !== "" && level !== this.#configured;
    const lastsMs = forMs === 0 ? LEVEL_FOR_MS : forMs;
    const said = isOther
      ? `the log level is ${level} for ${formatDurationMs(lastsMs)}, then ${this.#configured} again`
      : `the log level is ${this.#configured}, as configured`;
    logger.warn({ by }, said);
    this.#cancel();
    log.level = isOther ? level : this.#configured;
    this.#untilMs = isOther ? clock.nowMs() + lastsMs : undefined;
    if (isOther) this.#cancel = clock.after(lastsMs, () => this.#back());
    return this.now;
  }

  /** Idempotent. */
  close(): void {
    this.#cancel();
    this.#back();
  }

  #back(): void {
    const { log, logger } = this.#deps;
    if (log === undefined || this.#untilMs === undefined) return;
    this.#untilMs = undefined;
    log.level = this.#configured;
    logger.info({}, `the log level is ${this.#configured} again`);
  }
}
