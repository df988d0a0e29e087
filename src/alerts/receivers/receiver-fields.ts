/** Leaves of the receivers' settings, as YAML gives them. No message says a value that may be a secret. */
import { z } from "zod";
import { formatDurationMs, parseDurationMs } from "../../model/duration.ts";
import { messageOf } from "../../model/errors.ts";
import { parseMailbox } from "./mailbox.ts";
import { Secret } from "./secret.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `parse` throws or returns undefined for what it cannot take. */
export function parsed<T>(wanted: string, parse: (given: string) => T | undefined) {
  return z.unknown().transform((given, context): T => {
    try {
      const value = typeof given === "string" ? parse(given) : undefined;
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: `wanted ${wanted}` });
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
    }
    return z.NEVER;
  });
}

/** One of several schemas, by what is given: a union would only say that none fits. */
export function chosen<T>(choose: (given: unknown) => z.ZodType<T>) {
  return z.unknown().transform((given, context): T => {
    const result = choose(given).safeParse(given);
    if (result.success) return result.data;
    for (const { path, message } of result.error.issues) context.addIssue({ code: "custom", path, message });
    return z.NEVER;
  });
}

/** One, which may stand without brackets, or several. */
export function oneOrMore<T>(one: z.ZodType<T>, max: number) {
  const single = one.transform((given) => [given]);
  const several = z.array(one).min(1).max(max);
  return chosen<T[]>((given) => (Array.isArray(given) ? several : single));
}

export function text(wanted: string) {
  return parsed(wanted, (given) =>
    given.trim() !== "" && !/[\u0000-\u001f\u007f]/.test(given) ? given.trim() : undefined,
  );
}

export function durationMs(min: number, max: number) {
  return parsed(`a duration such as "10s", from ${formatDurationMs(min)} to ${formatDurationMs(max)}`, (given) => {
    const value = parseDurationMs(given);
    return value >= min && value <= max ? value : undefined;
  });
}

export function mailbox() {
  return parsed('one address such as "ops@example.org" or "Ops <ops@example.org>"', parseMailbox);
}

/** Text with `${NAME}` for what the environment has under that name; `$${NAME}` is `${NAME}` itself. */
export function secretText(env: Environment) {
  return parsed("text, or ${NAME} for a variable of the environment", (given) => {
    const revealed = given.replaceAll(/\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (found, name: string) => {
      if (found.startsWith("$$")) return found.slice(1);
      const value = env[name];
      if (value === undefined || value === "") throw new RangeError(`${name} is not set in the environment`);
      return value;
    });
    return revealed.trim() === "" ? undefined : revealed.trim();
  });
}

/** A secret under `key`, or the path of a file that holds it under `key_file`. */
export function secretShape<const K extends string>(key: K, env: Environment) {
  type Leaf = z.ZodOptional<z.ZodType<string>>;
  const [inline, file]: Leaf[] = [secretText(env).optional(), text("the path of a file").optional()];
  return { [key]: inline, [`${key}_file`]: file } as Record<K | `${K}_file`, Leaf>;
}

type Given = Readonly<Record<string, unknown>>;

/** What {@link secretShape} read; undefined where neither is given, and where both are, which is said. */
export function secretIn(given: Given, key: string, context: z.RefinementCtx, make = Secret.of): Secret | undefined {
  const [inline, file] = [given[key], given[`${key}_file`]];
  if (typeof inline === "string" && typeof file === "string") {
    context.addIssue({ code: "custom", path: [key], message: `${key} and ${key}_file are both given; wanted one` });
    return undefined;
  }
  if (typeof file === "string") return Secret.inFile(file);
  return typeof inline === "string" ? make(inline) : undefined;
}

export function requiredSecretIn(given: Given, key: string, context: z.RefinementCtx, make = Secret.of): Secret {
  const secret = secretIn(given, key, context, make);
  if (secret !== undefined) return secret;
  if (given[key] === undefined) {
    context.addIssue({ code: "custom", path: [key], message: `wanted ${key} or ${key}_file` });
  }
  return z.NEVER;
}
