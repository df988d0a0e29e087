/** What the rules file says of whom to tell, over the wire. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { formatDurationMs } from "../model/duration.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type {
  EscalationPolicySchema,
  EscalationStepSchema,
  InhibitionRuleSchema,
  ListPoliciesResponseSchema,
  OnCallScheduleSchema,
  RouteSchema,
} from "../wire/gen/receivers_pb.ts";
import type {
  EscalationConfig,
  EscalationPolicy,
  EscalationStep,
  OnCallSchedule,
} from "./escalation/escalation-config.ts";
import { onCallAt, onCallUntilMs } from "./escalation/on-call.ts";
import type { NotifySetup } from "./nobody.ts";
import { matcherText } from "./notify/label-matcher.ts";
import type { InhibitionRule, RouteConfig } from "./notify/notify-config.ts";
import type { Rule } from "./rule.ts";

export function policiesMessage(
  { config, receivers, escalation, correlation }: NotifySetup,
  rules: readonly Pick<Rule, "escalation">[],
  nowMs: number,
): MessageInitShape<typeof ListPoliciesResponseSchema> {
  const { route, inhibitions, maxAlerts, externalUrl, silenceNoticeMs } = config;
  const { policies, schedules } = escalation;
  return {
    ...(receivers.length === 0 ? {} : { route: routeMessage(route) }),
    inhibitions: inhibitions.map(inhibitionMessage),
    escalations: policies.map((policy) => policyMessage(policy, escalation, rules, nowMs)),
    schedules: schedules.map((schedule) => scheduleMessage(schedule, nowMs)),
    correlationWindow: formatDurationMs(correlation.windowMs),
    correlationLabels: [...correlation.labels],
    maxAlerts,
    externalUrl,
    silenceNotice: formatDurationMs(silenceNoticeMs),
  };
}

/** `config`: that it stands in. */
export function escalationStepMessage(
  { afterMs, notify, raiseSeverity }: EscalationStep,
  { schedules }: EscalationConfig,
  nowMs: number,
): MessageInitShape<typeof EscalationStepSchema> {
  const now = notify.map((name) => {
    const schedule = schedules.find((each) => each.name === name);
    return schedule === undefined ? name : onCallAt(schedule, nowMs);
  });
  return {
    after: formatDurationMs(afterMs),
    notify: [...notify],
    raiseSeverity: raiseSeverity ?? "",
    tellsNow: [...new Set(now)],
  };
}

function routeMessage(route: RouteConfig): MessageInitShape<typeof RouteSchema> {
  const { receiver, matchers, groupBy, groupWaitMs, groupIntervalMs, repeatIntervalMs, goesOn, routes } = route;
  return {
    receiver,
    matchers: matchers.map(matcherText),
    groupBy: groupBy === "all" ? ["..."] : [...groupBy],
    groupWait: formatDurationMs(groupWaitMs),
    groupInterval: formatDurationMs(groupIntervalMs),
    repeatInterval: formatDurationMs(repeatIntervalMs),
    continue: goesOn,
    routes: routes.map(routeMessage),
  };
}

function inhibitionMessage({ source, target, equal }: InhibitionRule): MessageInitShape<typeof InhibitionRuleSchema> {
  return { sourceMatchers: source.map(matcherText), targetMatchers: target.map(matcherText), equal: [...equal] };
}

function policyMessage(
  policy: EscalationPolicy,
  config: EscalationConfig,
  rules: readonly Pick<Rule, "escalation">[],
  nowMs: number,
): MessageInitShape<typeof EscalationPolicySchema> {
  const { name, steps, repeat, repeatAfterMs, ackTimeoutMs, repeatIntervalMs } = policy;
  return {
    name,
    steps: steps.map((step) => escalationStepMessage(step, config, nowMs)),
    repeat,
    repeatAfter: formatDurationMs(repeatAfterMs),
    ackTimeout: ackTimeoutMs === undefined ? "" : formatDurationMs(ackTimeoutMs),
    repeatInterval: formatDurationMs(repeatIntervalMs),
    rules: BigInt(rules.filter(({ escalation }) => escalation === name).length),
  };
}

function scheduleMessage(schedule: OnCallSchedule, nowMs: number): MessageInitShape<typeof OnCallScheduleSchema> {
  const { name, timeZone, firstHandoff, shiftHours, participants, overrides } = schedule;
  return {
    ...{ name, zone: timeZone, shiftHours, firstHandoff, participants: [...participants] },
    overrides: overrides
      .filter(({ toMs }) => toMs > nowMs)
      .map(({ fromMs, toMs, receiver }) => ({ from: timestampOfMs(fromMs), to: timestampOfMs(toMs), receiver })),
    onCall: onCallAt(schedule, nowMs),
    until: timestampOfMs(onCallUntilMs(schedule, nowMs)),
  };
}
