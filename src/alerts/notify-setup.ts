/** What the rules file says of notifications: whom to tell, how, and when, and which alerts are one incident. */
import { correlationOf } from "./correlation-input.ts";
import { CHANNEL_KINDS } from "./receivers/channel-config.ts";
import { escalationConfigOf } from "./escalation/escalation-config-input.ts";
import { receiversSchema, type ReceiverConfig } from "./receivers/receiver-config.ts";
import { notifyConfigOf } from "./notify/notify-config-input.ts";
import { REPEAT_INTERVAL_MS, type ChannelConfig } from "./notify/notify-config.ts";
import { closestName } from "../model/closest-name.ts";
import { inputError, problemsBehind, problemsOf, type Problem } from "./input/problem.ts";
import { mapOf } from "./input/record.ts";
import { NOBODY, type NotifySetup } from "./nobody.ts";

/** Keys of the file beside `rules`. */
export const NOTIFY_SECTIONS = [
  "route",
  "receivers",
  "inhibit_rules",
  "max_alerts",
  "external_url",
  "silence_notice",
  "escalations",
  "schedules",
  "correlation",
] as const;

const RECEIVER_KEYS = ["name", "send_resolved", ...CHANNEL_KINDS];

/** As written; those that are missing are undefined. */
export type WrittenSections = Readonly<Partial<Record<(typeof NOTIFY_SECTIONS)[number], unknown>>>;

/**
 * `env`: what ${NAME} stands for in secrets. Throws FAILED_PRECONDITION with everything that is wrong; secrets are not in
 * what it says.
 */
export function notifySetupOf(
  sections: WrittenSections,
  env: Readonly<Record<string, string | undefined>>,
): NotifySetup {
  const { correlation: writtenCorrelation, ...others } = sections;
  const all = new AllProblems();
  const correlation = all.read(() => correlationOf(writtenCorrelation));
  const written = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  if (Object.keys(written).length === 0) return { ...NOBODY, ...all.none({ correlation }) };
  const { escalations = [], schedules = [], ...told } = written;
  const receivers = all.read(() => receiversOf(told["receivers"] ?? [], env));
  const config = all.read(() => notifyConfigOf(told, channelsOf));
  const surroundings = {
    receivers: namesIn(told["receivers"]),
    repeatIntervalMs: config?.route.repeatIntervalMs ?? REPEAT_INTERVAL_MS,
  };
  const escalation = all.read(() => escalationConfigOf({ escalations, schedules }, surroundings));
  return all.none({ config, receivers, escalation, correlation });
}

/** What is wrong anywhere is told together. */
class AllProblems {
  readonly #problems = new Map<string, Problem>();

  /** Undefined where it is wrong. */
  read<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      const problems = problemsBehind(error);
      if (problems === undefined) throw error;
      for (const problem of problems) {
        const place = JSON.stringify(problem.path);
        if (!this.#problems.has(place)) this.#problems.set(place, problem);
      }
      return undefined;
    }
  }

  /** What was read, where nothing is wrong. */
  none<T extends object>(read: T): { [K in keyof T]: Exclude<T[K], undefined> } {
    if (this.#problems.size > 0) throw inputError([...this.#problems.values()], "", "FAILED_PRECONDITION");
    return read as { [K in keyof T]: Exclude<T[K], undefined> };
  }
}

/** Whatever is wrong with them otherwise. */
function namesIn(receivers: unknown): string[] {
  const names = Array.isArray(receivers) ? receivers.map((each: unknown) => mapOf(each)?.["name"]) : [];
  return names.filter((name) => typeof name === "string");
}

function receiversOf(written: unknown, env: Readonly<Record<string, string | undefined>>): ReceiverConfig[] {
  const { success, data, error } = receiversSchema(env).safeParse(written);
  if (success) return data;
  const problems = problemsOf(error).map(({ path, text, isKey }): Problem => {
    const closest = isKey && path.length === 2 ? closestName(String(path[1]), RECEIVER_KEYS) : undefined;
    return {
      path: ["receivers", ...path],
      text: closest === undefined ? text : `${text}; did you mean ${closest}?`,
      isKey,
    };
  });
  throw inputError(problems, "", "FAILED_PRECONDITION");
}

/** By their names, as they are opened: "webhook", then "webhook-2". */
function channelsOf(receiver: Readonly<Record<string, unknown>>): ChannelConfig[] {
  const sendsResolved = receiver["send_resolved"] !== false;
  return CHANNEL_KINDS.flatMap((kind) => {
    const given = receiver[kind];
    const count = given === undefined ? 0 : Array.isArray(given) ? given.length : 1;
    return Array.from({ length: count }, (_, i) => ({ name: i === 0 ? kind : `${kind}-${i + 1}`, sendsResolved }));
  });
}
