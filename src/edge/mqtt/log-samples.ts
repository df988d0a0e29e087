/** Lines about single messages: one of each kind in ten seconds, with how many were left out. */
import type { Clock } from "../../model/clock.ts";
import type { LogFields, Logger } from "../../model/logger.ts";
import { truncated } from "../../model/errors.ts";

const EVERY_MS = 10_000;
const TEXT_LENGTH_MAX = 256;

interface Kind {
  saidMs: number;
  leftOut: number;
}

export class LogSamples {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #broker: string;
  /** By kind, of which there are a few for each pattern. */
  readonly #kinds = new Map<string, Kind>();

  constructor(logger: Logger, clock: Clock, broker: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#broker = broker;
  }

  say(kind: string, fields: LogFields, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#kinds.get(kind) ?? { saidMs: -Infinity, leftOut: 0 };
    this.#kinds.set(kind, known);
    if (nowMs - known.saidMs < EVERY_MS) {
      known.leftOut++;
      return;
    }
    const more = known.leftOut === 0 ? {} : { notSaid: known.leftOut };
    known.saidMs = nowMs;
    known.leftOut = 0;
    this.#logger.warn({ broker: this.#broker, ...shortened(fields), ...more }, `MQTT: ${printable(message)}`);
  }
}

function shortened(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === "string" ? printable(value) : value]),
  );
}

/** On a terminal nothing of a message moves the cursor. */
function printable(text: string): string {
  return truncated(text, TEXT_LENGTH_MAX).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (each) => {
    return `\\u${each.codePointAt(0)!.toString(16).padStart(4, "0")}`;
  });
}
