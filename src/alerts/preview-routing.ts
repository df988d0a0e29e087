/** Who would be told of an alert, if it fired now. */
import { toJson, type MessageInitShape } from "@bufbuild/protobuf";
import type { Scope } from "../model/access.ts";
import { invalidField } from "../model/errors.ts";
import { formatDurationMs } from "../model/duration.ts";
import {
  type PreviewRoutingRequest,
  type PreviewRoutingResponseSchema,
  type RoutedToSchema,
} from "../wire/gen/receivers_pb.ts";
import { ActiveTimeSchema } from "../wire/gen/rules_pb.ts";
import { SEES_ALL_ALERTS, type SeesAlert } from "../model/sees-alert.ts";
import type { CallContext } from "../wire/service.ts";
import { isActiveAt } from "./active-time.ts";
import type { AlertRecord } from "./alert.ts";
import { activeTimeField } from "./active-time-input.ts";
import { inputError, problemsOf } from "./input/problem.ts";
import { wantedPolicy } from "./known-policy.ts";
import type { NotifySetup } from "./nobody.ts";
import { matcherText, type Labels } from "./notify/label-matcher.ts";
import type { NotifyConfig } from "./notify/notify-config.ts";
import { compileRoutes, groupLabelsOf, routesFor, type Route } from "./notify/route.ts";
import { stateOfSilence, type Silence } from "./notify/silence.ts";
import { testOfSilence } from "./notify/silences.ts";
import { escalationStepMessage } from "./policy-messages.ts";
import { checkPlace, labelsIn } from "./request-fields.ts";
import { SEVERITIES, type Severity } from "./severity.ts";

export interface PreviewRoutingDeps {
  setup(): NotifySetup;
  silences(): Silence[];
  /** The id of an alert that fires. */
  wouldBeInhibitedBy(labels: Labels): string | undefined;
  /** An active one. */
  alertOf(alertId: string): AlertRecord | undefined;
  sees(scope: Scope): SeesAlert;
}

const ACTIVE_TIMES_MAX = 16;

/** Throws INVALID_ARGUMENT, also for an alert that would be out of the scope. */
export function previewRouting(
  request: PreviewRoutingRequest,
  deps: PreviewRoutingDeps,
  principal: CallContext["principal"],
  nowMs: number,
): MessageInitShape<typeof PreviewRoutingResponseSchema> {
  const labels = labelsIn(request.labels);
  const severity = labels["severity"];
  if (severity !== undefined && !SEVERITIES.includes(severity as Severity)) {
    throw invalidField("labels.severity", severity, SEVERITIES.join(", "));
  }
  const isSeen = deps.sees(principal.scope);
  checkPlace(labels, isSeen, principal);
  const { config, receivers, escalation } = deps.setup();
  const policy = escalation.policies.find(({ name }) => name === request.escalation);
  if (request.escalation !== "" && policy === undefined) {
    const wanted = wantedPolicy(
      request.escalation,
      escalation.policies.map(({ name }) => name),
    );
    throw invalidField("escalation", request.escalation, wanted.replace(/^wanted /, ""));
  }
  const routes = receivers.length === 0 ? [] : waysFor(compiledRoutes(config), labels);
  const by = deps.wouldBeInhibitedBy(labels);
  return {
    routed: routes.map((way) => routedMessage(way, labels)),
    silenceIds: deps
      .silences()
      .filter((silence) => stateOfSilence(silence, nowMs) === "active" && testOfSilence(silence, deps.sees)(labels))
      .map(({ id }) => id),
    ...(by === undefined ? {} : { inhibited: inhibitedMessage(by, deps.alertOf(by), isSeen) }),
    inactive: isInactive(request, nowMs),
    escalationSteps: (policy?.steps ?? []).map((step) => escalationStepMessage(step, escalation, nowMs)),
  };
}

/** That it is held back is told in any case; by which alert only to those who see that. */
function inhibitedMessage(alertId: string, alert: AlertRecord | undefined, isSeen: SeesAlert) {
  if (isSeen === SEES_ALL_ALERTS) return { alertId, title: alert?.title ?? "" };
  return alert !== undefined && isSeen(alert.labels) ? { alertId, title: alert.title } : {};
}

const compiled = new WeakMap<NotifyConfig, Route>();

function compiledRoutes(config: NotifyConfig): Route {
  const root = compiled.get(config) ?? compileRoutes(config);
  compiled.set(config, root);
  return root;
}

/** From the first route down to one that an alert goes to. */
type Way = readonly Route[];

function waysFor(root: Route, labels: Labels): Way[] {
  const wanted = new Set(routesFor(root, labels));
  const ways: Way[] = [];
  const visit = (route: Route, above: Way): void => {
    const way = [...above, route];
    if (wanted.has(route)) ways.push(way);
    for (const below of route.routes) visit(below, way);
  };
  visit(root, []);
  return ways;
}

function routedMessage(way: Way, labels: Labels): MessageInitShape<typeof RoutedToSchema> {
  const route = way.at(-1)!;
  const { receiver, groupWaitMs, repeatIntervalMs } = route.config;
  const matchers = way.map(({ config }) => config.matchers.map(matcherText).join(", "));
  return {
    receiver,
    matchers: matchers.filter((text) => text !== ""),
    groupLabels: groupLabelsOf(route, labels),
    groupWait: formatDurationMs(groupWaitMs),
    repeatInterval: formatDurationMs(repeatIntervalMs),
    channels: route.targets.map(({ channel }) => channel),
  };
}

function isInactive({ activeTimes }: PreviewRoutingRequest, nowMs: number): boolean {
  if (activeTimes.length > ACTIVE_TIMES_MAX) {
    throw invalidField("active_times", `${activeTimes.length} times`, `at most ${ACTIVE_TIMES_MAX}`);
  }
  const read = activeTimes.map((given, i) => {
    const { data, error } = activeTimeField.safeParse(toJson(ActiveTimeSchema, given, { useProtoFieldName: true }));
    if (error !== undefined) throw inputError(problemsOf(error), `active_times[${i}]`, "INVALID_ARGUMENT");
    return data;
  });
  return !isActiveAt(read, nowMs);
}
