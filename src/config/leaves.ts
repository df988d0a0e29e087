/** Kinds of settings, each with what is said of a wrong one. */
import { z } from "zod";
import { parseAddress } from "../model/address.ts";
import { formatByteSize, parseByteSize } from "../model/byte-size.ts";
import { formatDurationMs, parseDurationMs } from "../model/duration.ts";
import { messageOf } from "../model/errors.ts";

/** A setting that is wrong. */
export interface Problem {
  readonly key: string;
  readonly wanted: string;
}

/** A leaf as text or as its own type: the environment and flags only know text. */
export function parsed<T>(wanted: string, parse: (given: unknown) => T | undefined) {
  return z.transform((given, context): T => {
    try {
      const value = parse(given);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: `wanted ${wanted}` });
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
    }
    return z.NEVER;
  });
}

export function text(wanted: string) {
  return parsed(wanted, (given) => (typeof given === "string" && given.trim() !== "" ? given : undefined));
}

export function address() {
  return parsed('an address such as "127.0.0.1:50051"', (given) => {
    if (typeof given !== "string") return undefined;
    parseAddress(given);
    return given;
  });
}

export function choice<const T extends string>(...choices: T[]) {
  return parsed(choices.join(" or "), (given) => choices.find((c) => c === given));
}

export function flag() {
  return parsed("true or false", (given) => {
    if (given === true || given === "true" || given === "1") return true;
    return given === false || given === "false" || given === "0" ? false : undefined;
  });
}

export function integer(min: number, max: number) {
  return parsed(`a whole number from ${min} to ${max}`, (given) => {
    const value = typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
    return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
  });
}

export function durationMs(min: number, max: number) {
  return parsed(`a duration such as "90s", from ${formatDurationMs(min)} to ${formatDurationMs(max)}`, (given) => {
    if (typeof given !== "string") return undefined;
    const value = parseDurationMs(given);
    return value >= min && value <= max ? value : undefined;
  });
}

/** A duration, or one of the words that stand for something else. */
export function durationMsOr(words: Readonly<Record<string, number>>, min: number, max: number) {
  const named = Object.keys(words).map((word) => `"${word}"`);
  const wanted = `${named.join(", ")} or a duration such as "90s", from ${formatDurationMs(min)} to ${formatDurationMs(max)}`;
  return parsed(wanted, (given) => {
    if (typeof given !== "string") return undefined;
    if (Object.hasOwn(words, given)) return words[given];
    const value = parseDurationMs(given);
    return value >= min && value <= max ? value : undefined;
  });
}

export function bytes(min: number, max: number) {
  return parsed(`a size such as "256MiB", from ${formatByteSize(min)} to ${formatByteSize(max)}`, (given) => {
    const value = typeof given === "string" ? parseByteSize(given) : given;
    return typeof value === "number" && value >= min && value <= max ? value : undefined;
  });
}

/** A size, or one of the words that stand for something else. */
export function bytesOr<const W extends string | number>(words: Readonly<Record<string, W>>, min: number, max: number) {
  const wanted = `${Object.keys(words)
    .map((word) => `"${word}"`)
    .join(", ")} or a size such as "8GiB", from ${formatByteSize(min)}`;
  return parsed(wanted, (given): number | W | undefined => {
    if (typeof given === "string" && Object.hasOwn(words, given)) return words[given];
    const value = typeof given === "string" ? parseByteSize(given) : given;
    return typeof value === "number" && value >= min && value <= max ? value : undefined;
  });
}

/** Undefined: there is none. */
export function path() {
  return text('a path, or "none"').transform((given) => (given === "none" ? undefined : given));
}
