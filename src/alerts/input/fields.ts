/**
 * Values of fields as a person or a program writes them. A field reads what was given, or says what is wrong with it;
 * undefined stands for a field that is missing. Numbers in quotes are no numbers, so that nothing is guessed.
 */
import { z } from "zod";
import { formatDurationMs, parseDurationMs } from "../../model/duration.ts";
import { messageOf } from "../../model/errors.ts";
import { shown, type Path } from "./problem.ts";

export type Field<T> = z.ZodType<T>;

const DURATION_MS_MAX = 400 * 86_400_000;
/** What a duration may be off a whole millisecond for the decimals of its parts. */
const DURATION_NOISE_MS = 1e-6;

/**
 * What `read` makes of a value. Where it answers undefined the sentence is "is VALUE; wanted `wanted`", where it throws
 * a RangeError, "is VALUE; " and its message.
 */
export function field<T>(wanted: string, read: (given: unknown) => T | undefined): Field<T> {
  return z.transform((given, context): T => {
    let wrong = `wanted ${wanted}`;
    try {
      const value = given === undefined ? undefined : read(given);
      if (value !== undefined) return value;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      wrong = messageOf(error);
    }
    const is = given === undefined ? "missing" : shown(given);
    context.addIssue({ code: "custom", message: `is ${is}; ${wrong}` });
    return z.NEVER;
  });
}

/** `fallback` where it is missing. */
export function optional<T, const F>(of: Field<T>, fallback: F): Field<T | F> {
  return z.transform((given, context): T | F => {
    return given === undefined ? fallback : within(of, given, [], context);
  });
}

/** `fallback` where it is missing, or "", which is what a missing text is on the wire. */
export function optionalText<T, const F>(of: Field<T>, fallback: F): Field<T | F> {
  return z.transform((given, context): T | F => {
    return given === undefined || given === "" ? fallback : within(of, given, [], context);
  });
}

/** What `of` makes of a part of what is read; what is wrong with it is said at `path`. */
export function within<T>(of: Field<T>, given: unknown, path: Path, context: z.RefinementCtx): T {
  const { data, error } = of.safeParse(given);
  if (error === undefined) return data;
  for (const issue of error.issues) context.addIssue({ ...issue, path: [...path, ...issue.path] } as Issue);
  return z.NEVER;
}

type Issue = Parameters<z.RefinementCtx["addIssue"]>[0];

/** Finite; without the sign of zero, which text does not keep. */
export function number(wanted = "a number", isWanted: (value: number) => boolean = () => true): Field<number> {
  return field(wanted, (given) =>
    typeof given === "number" && Number.isFinite(given) && isWanted(given) ? given + 0 : undefined,
  );
}

export function integer(min: number, max: number): Field<number> {
  const isWanted = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  return number(`a whole number from ${min} to ${max}`, isWanted);
}

export function flag(): Field<boolean> {
  return field("true or false", (given) => (typeof given === "boolean" ? given : undefined));
}

export function choice<const T extends string>(...choices: readonly T[]): Field<T> {
  return field(wordsOf(choices), (given) => choices.find((each) => each === given));
}

/** Text without NUL and halves of characters. */
export function text(wanted: string, isWanted: (given: string) => boolean): Field<string> {
  return field(wanted, (given) =>
    typeof given === "string" && given.isWellFormed() && !given.includes("\0") && isWanted(given) ? given : undefined,
  );
}

/** Whole milliseconds. */
export function durationMs(min: number, max = DURATION_MS_MAX): Field<number> {
  const wanted = `a duration such as "90s" or "1h30m", from ${formatDurationMs(min)} to ${formatDurationMs(max)}`;
  return field(wanted, (given) => {
    const value = typeof given === "string" ? durationOf(given) : undefined;
    if (value === undefined || value < min || value > max) return undefined;
    const whole = Math.round(value);
    if (Math.abs(value - whole) > DURATION_NOISE_MS) throw new RangeError("wanted whole milliseconds");
    return whole;
  });
}

function durationOf(given: string): number | undefined {
  try {
    return parseDurationMs(given);
  } catch {
    return undefined;
  }
}

/** An IANA name or an offset. */
export function timeZone(): Field<string> {
  return field('a time zone such as "Europe/Berlin"', (given) => {
    if (typeof given !== "string") return undefined;
    try {
      new Intl.DateTimeFormat("en", { timeZone: given });
      return given;
    } catch {
      return undefined;
    }
  });
}

/** `what` names the items: "conditions". Missing or null: none. */
export function list<T>(what: string, of: Field<T>, min: number, max: number): Field<T[]> {
  return z.transform((given, context): T[] => {
    const items = given ?? [];
    if (!Array.isArray(items)) {
      context.addIssue({ code: "custom", message: `is ${shown(items)}; wanted a list of ${what}` });
      return z.NEVER;
    }
    if (items.length < min || items.length > max) {
      const wanted = min === 0 ? `at most ${max}` : `${min} to ${max}`;
      const has =
        given === undefined ? `is missing; wanted ${wanted} ${what}` : `has ${items.length} ${what}; wanted ${wanted}`;
      context.addIssue({ code: "custom", message: has });
      return z.NEVER;
    }
    return items.map((item: unknown, i) => within(of, item, [i], context));
  });
}

/** "a, b or c". */
export function wordsOf(words: readonly string[], last = "or"): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
