/** The Alerts service, over messages. */
import { actorOf } from "../wire/actor.ts";
import { nameIn } from "../model/texts.ts";
import type { Scope } from "../model/access.ts";
import type { DeviceStandings } from "../model/device-standing.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { formatDurationMs, parseDurationMs } from "../model/duration.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts, type PublishAlertRequest } from "../wire/gen/alerts_pb.ts";
import { actOf, actOnAlert, actOnAlerts, type ActDeps, type AskedAct } from "./act-on-alerts.ts";
import type { AlertBook } from "./alert-book.ts";
import { messageOf, messageToSender } from "./alert-message.ts";
import { severityIn } from "./alert-scope.ts";
import type { AlertRecord, Description } from "./alert.ts";
import { silencesOf } from "./alert-silences.ts";
import { alertHistory, listAlerts, type AlertReader } from "./list-alerts.ts";
import type { Incidents } from "./incidents.ts";
import { listIncidents } from "./list-incidents.ts";
import type { Instance } from "./instance.ts";
import type { MovedAlerts } from "./moved-alerts.ts";
import type { PublishedAlerts } from "./published-alerts.ts";
import { receiverMethods, type Telling } from "./receiver-methods.ts";
import { checkPlace, labelsIn, textIn } from "./request-fields.ts";
import type { RuleBook } from "./rule-book.ts";
import { RuleInfos } from "./rule-infos.ts";
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
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "seesDevice">;
  /** Left out: there are none. */
  readonly devices?: DeviceStandings;
  sees(scope: Scope): SeesAlert;
  /** Of an alert of the instance, if it fired now. */
  labelsOf(instance: Instance): Readonly<Record<string, string>>;
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

export function alertMethods(deps: AlertServiceDeps): MethodImpl[] {
  const { book, rules, written } = deps;
  const infos = new RuleInfos({ ...deps, registry: deps.testing.registry });
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
      return { alert: context.principal.role === "ingest" ? messageToSender(alert) : messageOf(alert) };
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
    unary(Alerts.method.getRule, async ({ name }, { principal }) => infos.get(name, principal.scope)),
    unary(Alerts.method.listRules, async (request, { principal }) => infos.list(request, principal.scope)),
    unary(Alerts.method.testRule, async (request, { signal, principal }) =>
      (await import("./test-rule.ts")).testRule(request, deps.testing, principal.scope, signal),
    ),
    unary(Alerts.method.deleteRule, async ({ name, userId }, context) => {
      const ended = await rules.delete(name, actorOf(userId, context));
      await written();
      return { ended: BigInt(ended) };
    }),
  ];
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
