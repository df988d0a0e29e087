/** Scenarios as a person writes them: in a YAML file, and its parts in flags. */
import { z } from "zod";
import {
  choice,
  durationMs,
  field,
  integer,
  list,
  number,
  optional,
  text,
  type Field,
} from "../../alerts/input/fields.ts";
import { fileError, inputError, problemsOf, sentenceOf, shown } from "../../alerts/input/problem.ts";
import { mapOf, record } from "../../alerts/input/record.ts";
import { readYaml } from "../../alerts/input/yaml-document.ts";
import { parseByteSize } from "../../model/byte-size.ts";
import { formatDurationMs, parseDurationMs } from "../../model/duration.ts";
import {
  FAULT_KINDS,
  FAULT_RATE_PER_HOUR_MAX,
  faultOf,
  lastingMs,
  type Fault,
  type FaultKind,
} from "../../simulate/fault.ts";
import { DEVICES_MAX, FLEETS_MAX, type Fleet } from "../../simulate/fleet.ts";
import type { NetworkConditions } from "../../simulate/network.ts";
import { PROFILES } from "../../simulate/profiles.ts";
import { timeUsOf } from "../time-argument.ts";

/** What a file says; undefined where it says nothing. */
export interface WrittenScenario {
  readonly seed: number | undefined;
  readonly fromUs: number | undefined;
  readonly toUs: number | undefined;
  readonly durationMs: number | undefined;
  readonly speed: number | undefined;
  readonly fleets: readonly Fleet[];
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FAULTS_MAX = 100;
const SIZE_MAX = 1_000;
const BYTES_PER_SECOND_MIN = 100;

/** Throws FAILED_PRECONDITION with a line for everything that is wrong, which begins with file, line and column. */
export function parseScenario(name: string, content: string | Uint8Array, nowMs: number): WrittenScenario {
  const { value, placeOf } = readYaml(name, content);
  const { data, error } = scenarioField(nowMs).safeParse(value);
  if (error === undefined) return data;
  const problems = problemsOf(error);
  throw fileError(
    name,
    problems.map((problem) => ({ place: placeOf(problem), sentence: sentenceOf(problem, "") })),
  );
}

/** "spike=2/h", "burst=every 1h". Throws INVALID_ARGUMENT. */
export function faultOfFlag(given: string): Fault {
  const [, kind, every, rate] = /^([^=]*)=(?:every\s+(.*)|(.*))$/s.exec(given) ?? [];
  if (kind === undefined) {
    throw inputError(
      [{ path: [], text: `is ${shown(given)}; wanted KIND=RATE such as "spike=2/h"`, isKey: false }],
      "--fault",
      "INVALID_ARGUMENT",
    );
  }
  return parsedFlag("--fault", faultField, every === undefined ? { kind, rate } : { kind, every });
}

/** "latency=80ms,loss=1%". Throws INVALID_ARGUMENT. */
export function networkOfFlag(given: string): NetworkConditions {
  const entries = given.split(",").map((part) => {
    const at = part.indexOf("=");
    return [part.slice(0, at < 0 ? part.length : at).trim(), at < 0 ? "" : part.slice(at + 1).trim()] as const;
  });
  return parsedFlag("--network", networkField, Object.fromEntries(entries));
}

function parsedFlag<T>(flag: string, of: Field<T>, given: unknown): T {
  const { data, error } = of.safeParse(given);
  if (error === undefined) return data;
  throw inputError(problemsOf(error), flag, "INVALID_ARGUMENT");
}

/** Events an hour. */
function rate(): Field<number> {
  return field('a rate such as "2/h" or "0.5/d", at most 100/s', (given) => {
    const [, count, unit] = (typeof given === "string" && /^(\d+(?:\.\d+)?)\/(s|m|h|d|w)$/.exec(given)) || [];
    if (count === undefined) return undefined;
    const perHour = (Number(count) * HOUR_MS) / parseDurationMs(`1${unit}`);
    return perHour > 0 && perHour <= FAULT_RATE_PER_HOUR_MAX ? perHour : undefined;
  });
}

function share(): Field<number> {
  return field('a share such as "1%" or 0.01, below 100%', (given) => {
    const [, percent] = (typeof given === "string" && /^(\d+(?:\.\d+)?)%$/.exec(given)) || [];
    const value = percent !== undefined ? Number(percent) / 100 : Number(given === "" ? NaN : given);
    return value >= 0 && value < 1 ? value : undefined;
  });
}

function signedDurationMs(): Field<number> {
  return field('a duration such as "90s" or "-1h"', (given) => {
    const [, sign, amount] = (typeof given === "string" && /^(-?)(.+)$/.exec(given)) || [];
    if (amount === undefined) return undefined;
    const ms = parseDurationMs(amount);
    return ms > 400 * DAY_MS ? undefined : sign === "-" ? -ms : ms;
  });
}

const bytesPerSecond: Field<number> = field('bytes a second such as "64KiB", at least 100B', (given) => {
  const bytes = typeof given === "number" ? given : typeof given === "string" ? parseByteSize(given) : NaN;
  return bytes >= BYTES_PER_SECOND_MIN ? bytes : undefined;
});

function name(what: string): Field<string> {
  return text(`${what} of letters, digits, '.', '_' and '-', at most 64`, (given) =>
    /^[A-Za-z0-9._-]{1,64}$/.test(given),
  );
}

function glob(): Field<string> {
  return text("a name or glob", (given) => given !== "" && given.length <= 1_024);
}

function time(nowMs: number): Field<number> {
  return field('ISO 8601, "now" or a duration before it such as "-1h"', (given) => {
    try {
      return typeof given === "string" ? timeUsOf("", given, nowMs) : undefined;
    } catch {
      return undefined;
    }
  });
}

const tagsField: Field<Record<string, string>> = z.unknown().transform((given, context) => {
  const map = mapOf(given);
  const entries = Object.entries(map ?? {});
  if (map !== undefined && entries.every(([, value]) => typeof value === "string"))
    return Object.fromEntries(entries) as Record<string, string>;
  context.addIssue({ code: "custom", message: `is ${shown(given)}; wanted a map of texts, such as {line: a}` });
  return z.NEVER;
});

const networkField = record({
  fields: {
    latency: optional(durationMs(0, MINUTE_MS), 0),
    jitter: optional(durationMs(0, MINUTE_MS), 0),
    loss: optional(share(), 0),
    disconnects: optional(rate(), 0),
    outage: optional(durationMs(0, DAY_MS), 0),
    bandwidth: optional(bytesPerSecond, Infinity),
  },
  check(given, _read, report) {
    if (given["outage"] !== undefined && given["disconnects"] === undefined) {
      report(["outage"], "says how long disconnects last; wanted disconnects too");
    }
  },
  build: ({ latency, jitter, loss, disconnects, outage, bandwidth }): NetworkConditions => {
    return {
      ...{ latencyMs: latency, jitterMs: jitter, loss, outageMs: outage },
      ...{ disconnectsPerHour: disconnects, bytesPerSecond: bandwidth },
    };
  },
});

const faultField: Field<Fault> = record({
  fields: {
    kind: choice(...(Object.keys(FAULT_KINDS) as FaultKind[])),
    rate: optional(rate(), undefined),
    at: optional(durationMs(0), undefined),
    every: optional(durationMs(1_000), undefined),
    for: optional(durationMs(0), undefined),
    size: optional(
      number(`a number of at most ${SIZE_MAX}`, (size) => Math.abs(size) <= SIZE_MAX),
      undefined,
    ),
    by: optional(signedDurationMs(), undefined),
    devices: optional(glob(), undefined),
    metrics: optional(glob(), undefined),
  },
  check(given, { kind, every, for: forMs }, report) {
    const isTimed = given["at"] !== undefined || given["every"] !== undefined;
    if ((given["rate"] !== undefined) === isTimed)
      report([], "wanted either rate, or at and every, to say when it happens");
    if (kind === undefined || every === undefined || (forMs === undefined && given["for"] !== undefined)) return;
    const lastsMs = lastingMs(kind, forMs);
    if (every > lastsMs) return;
    const unsaid = forMs === undefined ? " where a scenario file says nothing else" : "";
    const wanted = `more than for, which is ${formatDurationMs(lastsMs)}${unsaid}`;
    report(["every"], `is ${formatDurationMs(every)}; wanted ${wanted}: ${kind} would never end`);
  },
  build({ kind, rate: perHour, at, every, for: forMs, size, by, devices, metrics }) {
    const when = perHour !== undefined ? { perHour } : { atMs: at ?? every!, everyMs: every };
    return faultOf({ kind, when, forMs, size, byMs: by, devices, metrics });
  },
});

const fleetField = record({
  fields: {
    name: optional(name("a name"), undefined),
    profile: choice(...PROFILES.map((profile) => profile.name)),
    devices: integer(1, DEVICES_MAX),
    gateways: optional(integer(0, DEVICES_MAX), 0),
    site: optional(name("a name"), "site-1"),
    interval: optional(durationMs(1), undefined),
    batch: optional(integer(1, 1_000), 1),
    tags: optional(tagsField, {}),
    faults: list("faults", faultField, 0, FAULTS_MAX),
    network: optional(networkField, undefined),
  },
  build({ name: called, profile: kind, interval, ...rest }): Fleet {
    const profile = PROFILES.find((each) => each.name === kind)!;
    return { ...rest, name: called ?? kind, profile, intervalMs: interval ?? profile.intervalMs };
  },
});

function scenarioField(nowMs: number) {
  return record({
    fields: {
      seed: optional(integer(0, Number.MAX_SAFE_INTEGER), undefined),
      from: optional(time(nowMs), undefined),
      to: optional(time(nowMs), undefined),
      duration: optional(durationMs(1), undefined),
      speed: optional(
        number("a number above 0", (speed) => speed > 0),
        undefined,
      ),
      network: optional(networkField, undefined),
      faults: list("faults", faultField, 0, FAULTS_MAX),
      fleets: list("fleets", fleetField, 1, FLEETS_MAX),
    },
    check(given, _read, report) {
      if (given["to"] !== undefined && given["duration"] !== undefined) {
        report(["duration"], "says the same as to; wanted one of them");
      }
      const first = new Map<unknown, number>();
      for (const [i, fleet] of Array.isArray(given["fleets"]) ? given["fleets"].entries() : []) {
        const called: unknown = fleet?.name ?? fleet?.profile;
        const before = first.get(called);
        if (before === undefined) first.set(called, i);
        else report(["fleets", i], `is called ${shown(called)}; wanted another name than fleets[${before}] has`);
      }
    },
    build({ from, to, duration, network, faults, fleets, ...rest }): WrittenScenario {
      return {
        ...rest,
        ...{ fromUs: from, toUs: to, durationMs: duration },
        fleets: fleets.map((fleet) => {
          return { ...fleet, faults: [...faults, ...fleet.faults], network: fleet.network ?? network };
        }),
      };
    },
  });
}
