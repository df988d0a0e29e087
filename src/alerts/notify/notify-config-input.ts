/** The notification settings as they are written in YAML, with the names of Alertmanager. */
import { z } from "zod";
import { WatchpostError } from "../../model/errors.ts";
import { closestName } from "../../model/closest-name.ts";
import {
  durationMs,
  field,
  flag,
  integer,
  list,
  optional,
  text,
  within,
  wordsOf,
  type Field,
} from "../input/fields.ts";
import { inputError, problemsOf, shown } from "../input/problem.ts";
import { mapOf, record, type Given } from "../input/record.ts";
import { MATCHERS_MAX, parseMatcher, type LabelMatcher } from "./label-matcher.ts";
import {
  ALERTS_MAX,
  GROUP_INTERVAL_MS,
  GROUP_WAIT_MS,
  REPEAT_INTERVAL_MS,
  SILENCE_NOTICE_MS,
  type ChannelConfig,
  type InhibitionRule,
  type NotifyConfig,
  type ReceiverConfig,
  type RouteConfig,
} from "./notify-config.ts";

const SECOND_MS = 1_000;
const NAME_LENGTH_MAX = 256;
const RECEIVERS_MAX = 1_000;
const ROUTES_MAX = 1_000;
const INHIBITIONS_MAX = 1_000;
const LABELS_MAX = 64;
const ALERTS_LIMIT = 10_000;
const NAMES_SHOWN_MAX = 10;
const ALL_LABELS = "...";

/** What the ways out of a receiver are: the rest of its settings, which are not looked at here, say that. */
export type ChannelsOf = (receiver: Given) => readonly ChannelConfig[];

/** As it is written; what is undefined comes from the route above. */
interface WrittenRoute extends Pick<RouteConfig, "matchers" | "goesOn"> {
  readonly receiver: string | undefined;
  readonly groupBy: RouteConfig["groupBy"] | undefined;
  readonly groupWaitMs: number | undefined;
  readonly groupIntervalMs: number | undefined;
  readonly repeatIntervalMs: number | undefined;
  readonly routes: readonly WrittenRoute[];
}

const name = text("a name", (given) => given.trim() !== "" && given.length <= NAME_LENGTH_MAX);
const matcher = field("a matcher", (given) => (typeof given === "string" ? parseMatcher(given) : undefined));
const labels = list("labels", name, 0, LABELS_MAX);

/**
 * Reads the sections `route`, `receivers`, `inhibit_rules`, `max_alerts`, `external_url` and `silence_notice`. Throws
 * FAILED_PRECONDITION with all that is wrong: a line and a violation each, with path, value and what was wanted.
 */
export function notifyConfigOf(input: unknown, channelsOf: ChannelsOf = onlyChannel): NotifyConfig {
  const tooMuch = treeProblem(mapOf(input)?.["route"]);
  if (tooMuch !== undefined) throw new WatchpostError("FAILED_PRECONDITION", tooMuch);
  const names = namesOf(mapOf(input)?.["receivers"]);
  const config = record({
    fields: {
      route: routeField(names, true),
      receivers: list("receivers", receiverField(channelsOf), 1, RECEIVERS_MAX),
      inhibit_rules: list("inhibition rules", inhibition, 0, INHIBITIONS_MAX),
      max_alerts: optional(integer(1, ALERTS_LIMIT), ALERTS_MAX),
      external_url: optional(webAddress(), ""),
      silence_notice: optional(durationMs(0), SILENCE_NOTICE_MS),
    },
    check: (_given, _read, report) => {
      names.forEach((each, i) => {
        const isTaken = names.indexOf(each) < i;
        if (isTaken) report(["receivers", i, "name"], `is ${shown(each)}; wanted a name that no other receiver has`);
      });
    },
    build: (read): NotifyConfig => ({
      route: inherited(read.route, undefined),
      receivers: read.receivers,
      inhibitions: read.inhibit_rules,
      maxAlerts: read.max_alerts,
      externalUrl: read.external_url,
      silenceNoticeMs: read.silence_notice,
    }),
  });
  const { success, data, error } = config.safeParse(input);
  if (!success) throw inputError(problemsOf(error), "", "FAILED_PRECONDITION");
  return data;
}

/** The only one, with `send_resolved` of the receiver. */
function onlyChannel(receiver: Given): readonly ChannelConfig[] {
  return [{ name: "", sendsResolved: receiver["send_resolved"] !== false }];
}

/** YAML can make a route hold itself, by an alias. */
function treeProblem(root: unknown): string | undefined {
  let count = 0;
  const visit = (route: unknown, above: readonly unknown[], path: string): string | undefined => {
    if (above.includes(route)) return `${path} holds itself; wanted routes that end somewhere`;
    if (++count > ROUTES_MAX) return `route has more than ${ROUTES_MAX} routes; wanted at most that many`;
    const routes = mapOf(route)?.["routes"];
    if (!Array.isArray(routes)) return undefined;
    for (const [i, each] of routes.entries()) {
      const found = visit(each, [...above, route], `${path}.routes[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(root ?? null, [], "route");
}

/** Before they are checked, so that routes can be held to them whatever else is wrong. */
function namesOf(receivers: unknown): string[] {
  if (!Array.isArray(receivers)) return [];
  return receivers.map((receiver: unknown) => String(mapOf(receiver)?.["name"] ?? ""));
}

function routeField(names: readonly string[], isRoot: boolean): Field<WrittenRoute> {
  const receiver = knownReceiver(names);
  return record({
    fields: {
      receiver: isRoot ? receiver : optional(receiver, undefined),
      group_by: groupBy(),
      group_wait: optional(durationMs(0), undefined),
      group_interval: optional(durationMs(SECOND_MS), undefined),
      repeat_interval: optional(durationMs(SECOND_MS), undefined),
      matchers: matcherList(0),
      continue: optional(flag(), false),
      routes: list(
        "routes",
        later(() => routeField(names, false)),
        0,
        ROUTES_MAX,
      ),
    },
    check: (_given, { matchers = [] }, report) => {
      if (!isRoot || matchers.length === 0) return;
      report(["matchers"], `has ${matchers.length} matchers; wanted none: the first route is for all alerts`);
    },
    build: (read): WrittenRoute => ({
      receiver: read.receiver,
      groupBy: read.group_by,
      groupWaitMs: read.group_wait,
      groupIntervalMs: read.group_interval,
      repeatIntervalMs: read.repeat_interval,
      matchers: read.matchers,
      goesOn: read.continue,
      routes: read.routes,
    }),
  });
}

function later<T>(fieldOf: () => Field<T>): Field<T> {
  return z.unknown().transform((given, context) => within(fieldOf(), given, [], context) as T);
}

function knownReceiver(names: readonly string[]): Field<string> {
  return field("the name of a receiver", (given) => {
    if (typeof given !== "string" || names.includes(given)) return given as string | undefined;
    const closest = closestName(given, names);
    const known = [...new Set(names)].filter((each) => each !== "").slice(0, NAMES_SHOWN_MAX);
    const wanted = known.length === 0 ? "a receiver, and there are none" : `a receiver, such as ${wordsOf(known)}`;
    throw new RangeError(closest === undefined ? `wanted ${wanted}` : `did you mean ${closest}?`);
  });
}

function groupBy(): Field<RouteConfig["groupBy"] | undefined> {
  return z.unknown().transform((given, context): RouteConfig["groupBy"] | undefined => {
    if (given === undefined) return undefined;
    const names = within(labels, given, [], context);
    if (names === undefined) return z.NEVER;
    const wrong = groupByProblem(names);
    if (wrong !== undefined) context.addIssue({ code: "custom", message: wrong });
    return names.includes(ALL_LABELS) ? "all" : names;
  });
}

function groupByProblem(names: readonly string[]): string | undefined {
  const twice = names.find((each, i) => names.indexOf(each) < i);
  if (twice !== undefined) return `has ${shown(twice)} twice; wanted each label once`;
  const hasOthers = names.includes(ALL_LABELS) && names.length > 1;
  return hasOthers
    ? `has "${ALL_LABELS}" and other labels; wanted "${ALL_LABELS}" alone, which is all of them`
    : undefined;
}

/** One by itself may stand without a list. */
function matcherList(min: number): Field<LabelMatcher[]> {
  const many = list("matchers", matcher, min, MATCHERS_MAX);
  return z.unknown().transform((given, context): LabelMatcher[] => {
    return within(many, typeof given === "string" ? [given] : given, [], context) as LabelMatcher[];
  });
}

const inhibition = record({
  fields: { source_matchers: matcherList(1), target_matchers: matcherList(1), equal: labels },
  build: (read): InhibitionRule => ({ source: read.source_matchers, target: read.target_matchers, equal: read.equal }),
});

/** Has settings of its channels beside its name: they are left to `channelsOf`. */
function receiverField(channelsOf: ChannelsOf): Field<ReceiverConfig> {
  return z.unknown().transform((written, context): ReceiverConfig => {
    const given = mapOf(written);
    if (given === undefined) {
      context.addIssue({ code: "custom", message: `is ${shown(written)}; wanted a map with the name of a receiver` });
      return z.NEVER;
    }
    const before = context.issues.length;
    const read = within(name, given["name"], ["name"], context) as string;
    within(optional(flag(), true), given["send_resolved"], ["send_resolved"], context);
    return context.issues.length > before ? z.NEVER : { name: read, channels: channelsOf(given) };
  });
}

function webAddress(): Field<string> {
  return field("an address such as https://watchpost.example.org", (given) => {
    const isOne = typeof given === "string" && /^https?:\/\//.test(given) && URL.canParse(given);
    return isOne ? given : undefined;
  });
}

function inherited(written: WrittenRoute, above: RouteConfig | undefined): RouteConfig {
  const route: RouteConfig = {
    receiver: written.receiver ?? above?.receiver ?? "",
    groupBy: written.groupBy ?? above?.groupBy ?? [],
    groupWaitMs: written.groupWaitMs ?? above?.groupWaitMs ?? GROUP_WAIT_MS,
    groupIntervalMs: written.groupIntervalMs ?? above?.groupIntervalMs ?? GROUP_INTERVAL_MS,
    repeatIntervalMs: written.repeatIntervalMs ?? above?.repeatIntervalMs ?? REPEAT_INTERVAL_MS,
    matchers: written.matchers,
    goesOn: written.goesOn,
    routes: [],
  };
  return { ...route, routes: written.routes.map((each) => inherited(each, route)) };
}
