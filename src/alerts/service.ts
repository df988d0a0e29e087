/** The Alerts service, over messages. */
import type { Scope } from "../model/access.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { formatDurationMs, parseDurationMs } from "../model/duration.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts, type PublishAlertRequest } from "../wire/gen/alerts_pb.ts";
import { actOf, actOnAlert, actOnAlerts, type ActDeps, type AskedAct } from "./act-on-alerts.ts";
import type { AlertBook } from "./alert-book.ts";
import { messageOf } from "./alert-message.ts";
import { severityIn } from "./alert-scope.ts";
import type { AlertRecord, Description } from "./alert.ts";
import type { BoundRule } from "./engine.ts";
import { policyTrouble } from "./known-policy.ts";
import { silencesOf } from "./alert-silences.ts";
import { alertHistory, listAlerts, type AlertReader } from "./list-alerts.ts";
import type { Incidents } from "./incidents.ts";
import { listIncidents } from "./list-incidents.ts";
import type { MovedAlerts } from "./moved-alerts.ts";
import type { PublishedAlerts } from "./published-alerts.ts";
import { receiverMethods, type Telling } from "./receiver-methods.ts";
import { actorOf, checkPlace, labelsIn, nameIn, textIn } from "./request-fields.ts";
import type { RuleBook } from "./rule-book.ts";
import { messageOfRule, ruleOfMessage } from "./rule-message.ts";
import type { SetAside } from "../model/set-aside.ts";
import { messageOfSilence } from "./silence-message.ts";
import { silenceMethods, type Silencing } from "./silence-methods.ts";
import { subscribeAlerts, type ToldJournal } from "./subscribe-alerts.ts";
import type { TestRuleDeps } from "./test-rule.ts";

export interface AlertServiceDeps extends ActDeps {
  readonly book: AlertBook;
  readonly rules: RuleBook;
  /** Names of the escalation policies there are. */
  policies(): readonly string[];
  readonly published: PublishedAlerts;
  readonly incidents: Incidents;
  readonly reader: AlertReader;
  readonly setAside: SetAside;
  readonly journal: ToldJournal;
  readonly testing: TestRuleDeps;
  readonly silencing: Silencing;
  readonly moved: MovedAlerts;
  sees(scope: Scope): SeesAlert;
  /** Lets others run. */
  pause(): Promise<void>;
  readonly telling: Telling;
  /** Where the server's own rules come from; "": nowhere. */
  readonly rulesFile: string;
  readonly newId: () => string;
  nowMs(): number;
}

const EXPIRES_AFTER_MS = 5 * 60_000;
/** What is forgotten ends some day. */
const EXPIRES_AFTER_MS_MAX = 30 * 86_400_000;
const RULES_A_PAGE = 1_000;
const RULES_A_PAGE_MAX = 10_000;

export function alertMethods(deps: AlertServiceDeps): MethodImpl[] {
  const { book, rules, written, policies, rulesFile } = deps;
  const seenBy = ({ principal }: CallContext) => deps.sees(principal.scope);
  const act = async (id: string, userId: string, asked: AskedAct, context: CallContext) => {
    const alert = await actOnAlert(id, actOf(asked, actorOf(userId, context), book), seenBy(context), deps);
    return { alert: messageOf(alert) };
  };
  return [
    serverStreaming(Alerts.method.subscribeAlerts, (request, context) => subscribeAlerts(request, deps, context)),
    unary(Alerts.method.listAlerts, (request, context) => listAlerts(request, deps, seenBy(context))),
    unary(Alerts.method.getAlertHistory, async (request, context) => {
      const history = await alertHistory(request, deps, seenBy(context));
      const silences = silencesOf(history.record, deps.silencing.silences(), deps.sees, deps.nowMs());
      return { ...history.answer, silences: silences.map((each) => messageOfSilence(each, deps.nowMs())) };
    }),
    unary(Alerts.method.acknowledgeAlert, ({ id, userId, ...value }, context) =>
      act(id, userId, { case: "acknowledge", value }, context),
    ),
    unary(Alerts.method.resolveAlert, ({ id, userId, ...value }, context) =>
      act(id, userId, { case: "resolve", value }, context),
    ),
    unary(Alerts.method.assignAlert, ({ id, userId, ...value }, context) =>
      act(id, userId, { case: "assign", value }, context),
    ),
    unary(Alerts.method.commentAlert, ({ id, userId, ...value }, context) =>
      act(id, userId, { case: "comment", value }, context),
    ),
    unary(Alerts.method.actOnAlerts, (request, context) =>
      actOnAlerts(request, actorOf(request.userId, context), seenBy(context), deps),
    ),
    unary(Alerts.method.publishAlert, async (request, context) => {
      refuseOutOfScope(request, seenBy(context), context.principal);
      const alert = publish(request, deps.published, actorOf("", context));
      await written();
      return { alert: messageOf(alert) };
    }),
    unary(Alerts.method.listIncidents, async (request, context) =>
      listIncidents(request, book, deps.incidents, seenBy(context)),
    ),
    ...silenceMethods({ ...deps, active: () => book.active(), actorOf }),
    ...receiverMethods(deps),
    unary(Alerts.method.putRule, async (request, context) => {
      if (request.rule === undefined) throw invalidField("rule", "", "a rule");
      const rule = ruleOfMessage(request.rule);
      const created = await rules.put(rule, actorOf(request.userId, context));
      return { rule: messageOfRule(rule), created, series: BigInt(rules.get(rule.name)?.series ?? 0) };
    }),
    unary(Alerts.method.getRule, async ({ name }) => {
      const bound = rules.get(name);
      if (bound === undefined) throw new WatchpostError("NOT_FOUND", `there is no rule ${JSON.stringify(name)}`);
      return { info: infoOf(bound, policies()) };
    }),
    unary(Alerts.method.listRules, async ({ prefix, after, limit }) => {
      if (limit < 0 || limit > RULES_A_PAGE_MAX) throw invalidField("limit", limit, `0 to ${RULES_A_PAGE_MAX}`);
      const wanted = rules.all().filter(({ rule }) => rule.name.startsWith(prefix));
      const behind = wanted.filter(({ rule }) => rule.name > after);
      const page = behind.slice(0, limit || RULES_A_PAGE);
      const escalations = [...policies()];
      const infos = page.map((bound) => infoOf(bound, escalations));
      return { rules: infos, total: BigInt(wanted.length), more: behind.length > page.length, escalations, rulesFile };
    }),
    unary(Alerts.method.testRule, async (request, { signal }) =>
      (await import("./test-rule.ts")).testRule(request, deps.testing, signal),
    ),
    unary(Alerts.method.deleteRule, async ({ name, userId }, context) => {
      const ended = await rules.delete(name, actorOf(userId, context));
      await written();
      return { ended: BigInt(ended) };
    }),
  ];
}

function infoOf({ rule, series, instances }: BoundRule, policies: readonly string[]) {
  let [pending, firing, stale] = [0n, 0n, 0n];
  for (const { lifecycle, isStale } of instances.values()) {
    if (lifecycle.phase === "pending") pending++;
    else if (lifecycle.phase !== "quiet") {
      firing++;
      if (isStale) stale++;
    }
  }
  const trouble = policyTrouble(rule, policies);
  return { rule: messageOfRule(rule), series: BigInt(series), pending, firing, stale, trouble };
}

function publish(request: PublishAlertRequest, published: PublishedAlerts, by: string): AlertRecord {
  const { rule, labels, title, description, value, cleared, expiresAfter } = request;
  if (nameIn(rule, "rule") === "") throw invalidField("rule", rule, "a name");
  const severity = severityIn(request.severity || "medium", "severity");
  const described: Description = {
    labels: labelsIn(labels),
    metric: labels["metric"] ?? "",
    source: labels["source"] ?? "",
    device: labels["device"] ?? "",
    title: textIn(title, "title") || rule,
    description: textIn(description, "description"),
    runbook: "",
    value,
  };
  const alert = published.publish(rule, severity, described, expiryIn(expiresAfter), cleared, by);
  if (alert === undefined) throw notActive(rule);
  return alert;
}

function notActive(rule: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `no alert of ${JSON.stringify(rule)} with these labels is active`);
}

/** One that is to be cleared is as if it were not there. */
function refuseOutOfScope(
  { rule, labels, cleared }: PublishAlertRequest,
  isSeen: SeesAlert,
  principal: CallContext["principal"],
): void {
  if (cleared && !isSeen(labels)) throw notActive(rule);
  checkPlace(labels, isSeen, principal);
}

function expiryIn(text: string): number {
  if (text === "") return EXPIRES_AFTER_MS;
  const wanted = `a duration such as "5m", at most "${formatDurationMs(EXPIRES_AFTER_MS_MAX)}"`;
  let durationMs: number;
  try {
    durationMs = parseDurationMs(text);
  } catch {
    throw invalidField("expires_after", text, wanted);
  }
  if (durationMs > EXPIRES_AFTER_MS_MAX) throw invalidField("expires_after", text, wanted);
  return durationMs;
}
