/** The Alerts service, over messages. */
import { invalidField, WatchpostError } from "../model/errors.ts";
import { formatDurationMs, parseDurationMs } from "../model/duration.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts, type PublishAlertRequest } from "../wire/gen/alerts_pb.ts";
import type { AlertBook } from "./alert-book.ts";
import { messageOf } from "./alert-message.ts";
import { severityIn } from "./alert-scope.ts";
import type { AlertRecord, Description } from "./alert.ts";
import type { BoundRule } from "./engine.ts";
import { policyTrouble } from "./known-policy.ts";
import { alertById, alertHistory, listAlerts, type AlertReader } from "./list-alerts.ts";
import type { Incidents } from "./incidents.ts";
import { listIncidents } from "./list-incidents.ts";
import type { PublishedAlerts } from "./published-alerts.ts";
import type { RuleBook } from "./rule-book.ts";
import { messageOfRule, ruleOfMessage } from "./rule-message.ts";
import type { SetAside } from "../model/set-aside.ts";
import { silenceMethods, type Silencing } from "./silence-methods.ts";
import { subscribeAlerts, type ToldJournal } from "./subscribe-alerts.ts";
import type { TestRuleDeps } from "./test-rule.ts";

export interface AlertServiceDeps {
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
  readonly newId: () => string;
  nowMs(): number;
  /** Resolves when what was changed so far is durable. */
  written(): Promise<void>;
}

const TEXT_LENGTH_MAX = 4_096;
const NAME_LENGTH_MAX = 256;
const [LABELS_MAX, LABEL_LENGTH_MAX] = [64, 1_024];
const EXPIRES_AFTER_MS = 5 * 60_000;
/** What is forgotten ends some day. */
const EXPIRES_AFTER_MS_MAX = 30 * 86_400_000;
const RULES_A_PAGE = 1_000;
const RULES_A_PAGE_MAX = 10_000;

export function alertMethods(deps: AlertServiceDeps): MethodImpl[] {
  const { book, rules, reader, setAside, written, policies } = deps;
  const change = async (id: string, apply: (alert: AlertRecord) => AlertRecord) => {
    const found = await alertById(id, book, reader);
    // Somebody else may have changed it meanwhile.
    const alert = apply(book.get(id) ?? found);
    await written();
    return { alert: messageOf(alert) };
  };
  return [
    serverStreaming(Alerts.method.subscribeAlerts, (request, { signal }) => subscribeAlerts(request, deps, signal)),
    unary(Alerts.method.listAlerts, (request) => listAlerts(request, book, reader, setAside)),
    unary(Alerts.method.getAlertHistory, (request) => alertHistory(request, book, reader, setAside)),
    unary(Alerts.method.acknowledgeAlert, ({ id, userId, comment }, context) => {
      const by = actorOf(userId, context);
      return change(id, (alert) => book.acknowledge(alert, by, textIn(comment, "comment")));
    }),
    unary(Alerts.method.resolveAlert, ({ id, userId, comment }, context) => {
      const by = actorOf(userId, context);
      return change(id, (alert) => book.resolve(active(alert), by, textIn(comment, "comment")));
    }),
    unary(Alerts.method.assignAlert, ({ id, userId, assignee }, context) => {
      const by = actorOf(userId, context);
      return change(id, (alert) => book.assign(alert, by, nameIn(assignee, "assignee")));
    }),
    unary(Alerts.method.commentAlert, ({ id, userId, text }, context) => {
      if (text.trim() === "") throw invalidField("text", text, "some text");
      const by = actorOf(userId, context);
      return change(id, (alert) => book.comment(alert, by, textIn(text, "text")));
    }),
    unary(Alerts.method.publishAlert, async (request, context) => {
      const alert = publish(request, deps.published, actorOf("", context));
      await written();
      return { alert: messageOf(alert) };
    }),
    unary(Alerts.method.listIncidents, async (request) => listIncidents(request, book, deps.incidents)),
    ...silenceMethods({ ...deps, actorOf }),
    unary(Alerts.method.putRule, async (request, context) => {
      if (request.rule === undefined) throw invalidField("rule", "", "a rule");
      const rule = ruleOfMessage(request.rule);
      const created = await rules.put(rule, actorOf("", context));
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
      return { rules: infos, total: BigInt(wanted.length), more: behind.length > page.length, escalations };
    }),
    unary(Alerts.method.testRule, async (request, { signal }) =>
      (await import("./test-rule.ts")).testRule(request, deps.testing, signal),
    ),
    unary(Alerts.method.deleteRule, async ({ name }, context) => {
      const ended = await rules.delete(name, actorOf("", context));
      await written();
      return { ended: BigInt(ended) };
    }),
  ];
}

function infoOf({ rule, series, instances }: BoundRule, policies: readonly string[]) {
  let [pending, firing] = [0n, 0n];
  for (const { lifecycle } of instances.values()) {
    if (lifecycle.phase === "pending") pending++;
    else if (lifecycle.phase !== "quiet") firing++;
  }
  return { rule: messageOfRule(rule), series: BigInt(series), pending, firing, trouble: policyTrouble(rule, policies) };
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
  if (alert === undefined)
    throw new WatchpostError("NOT_FOUND", `no alert of ${JSON.stringify(rule)} with these labels is active`);
  return alert;
}

function labelsIn(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) throw invalidField("labels", `${entries.length} labels`, `at most ${LABELS_MAX}`);
  for (const [key, value] of entries) {
    nameIn(key, "labels");
    if (value.length > LABEL_LENGTH_MAX) {
      throw invalidField(`labels[${JSON.stringify(key)}]`, value, `at most ${LABEL_LENGTH_MAX} characters`);
    }
  }
  return labels;
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

function active(alert: AlertRecord): AlertRecord {
  if (alert.clearedAtMs === null) return alert;
  throw new WatchpostError("FAILED_PRECONDITION", `the alert ${JSON.stringify(alert.id)} is cleared already`);
}

/** Whoever calls, where that is proven; otherwise whoever is named. */
function actorOf(userId: string, { principal }: CallContext): string {
  const named = nameIn(userId, "user_id");
  return principal.isAuthenticated ? principal.name : named || principal.name;
}

function nameIn(text: string, field: string): string {
  if (text.length > NAME_LENGTH_MAX) throw invalidField(field, text, `at most ${NAME_LENGTH_MAX} characters`);
  return text;
}

function textIn(text: string, field: string): string {
  if (text.length > TEXT_LENGTH_MAX) throw invalidField(field, text, `at most ${TEXT_LENGTH_MAX} characters`);
  return text;
}
