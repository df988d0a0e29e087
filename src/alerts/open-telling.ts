/** Who is told of alerts: receivers, and escalations, which tell the next one while nobody answers. Each hears of the other. */
import type { Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";
import type { AlertWriter } from "./alert-writer.ts";
import { Escalating, type EscalatingDeps } from "./escalating.ts";
import { nobodyAnswers, somebodyAnswered, unansweredIncidents } from "./escalation-alert.ts";
import { alertById, type AlertReader } from "./list-alerts.ts";
import type { NotifySetup } from "./nobody.ts";
import { Notifying } from "./notifying.ts";
import type { PublishedAlerts } from "./published-alerts.ts";
import type { RuleBook } from "./rule-book.ts";
import { silenceEnds, silenceIsOther, silenceNotice } from "./silence-alert.ts";

export interface TellingDeps {
  readonly journal: EscalatingDeps["journal"] & AlertReader;
  readonly clock: Clock;
  readonly book: AlertBook;
  readonly rules: Pick<RuleBook, "get">;
  readonly published: PublishedAlerts;
  readonly writer: Pick<AlertWriter, "written">;
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Left out: nobody counts. */
  readonly metrics?: Pick<Metrics, "notifications">;
  sees(scope: Scope): SeesAlert;
  onTrouble(sentence: string): void;
  /** Hears what is worth a line and no trouble. */
  onNotice(sentence: string): void;
}

export interface OpenTelling {
  readonly notifying: Notifying;
  readonly escalating: Escalating;
  /** Tells nobody any more. */
  close(): Promise<void>;
}

export async function openTelling(deps: TellingDeps, setup: NotifySetup): Promise<OpenTelling> {
  const { journal, clock, book, rules, published, writer, sees } = deps;
  countFromZero(setup, deps.metrics);
  const find = (id: string) => alertById(id, book, journal).catch(() => undefined);
  let escalating: Escalating | undefined;
  // What is written while these two are opened: they may have read too early to know of it.
  const meanwhile: AlertRecord[] = [];
  const unfollowMeanwhile = book.follow(({ alert }) => void meanwhile.push(alert));
  const notifying = await Notifying.open(
    {
      journal,
      clock,
      random: deps.random,
      active: () => book.active(),
      find,
      ruleOf: (name) => rules.get(name)?.rule,
      newId: deps.newId,
      isIn: sees,
      onTrouble: deps.onTrouble,
      onMutes: () => escalating?.mutesChanged(),
      onNotice: (event) => {
        if (event.kind === "failedThrice") return;
        deps.onNotice(silenceNotice(event));
        if (event.kind === "silenceEnding" && event.alertIds.length > 0) silenceEnds(published, event, deps.onTrouble);
      },
      onAttempted: ({ receiver, isDelivered, retryInMs }) => {
        const outcome = isDelivered ? "delivered" : retryInMs === null ? "failed" : "retrying";
        deps.metrics?.notifications.inc({ receiver, outcome });
      },
      onSilence: (id) => silenceIsOther(published, id),
      onFailedThrice: (receiver, alertIds) => escalating?.receiverFailed(receiver, alertIds),
    },
    setup,
  );
  const opened = await Escalating.open(
    {
      journal,
      clock,
      active: () => book.active(),
      get: (id) => book.get(id),
      find,
      ruleOf: (name) => rules.get(name)?.rule,
      isMuted: (id) => notifying.muteOf(id) !== undefined,
      raise: (alert, severity) => book.raise(alert, severity),
      tell: (receiver, incidentId, alerts, isRepeated) => notifying.tell(receiver, incidentId, alerts, isRepeated),
      exhausted: async (incidentId, alerts) => {
        nobodyAnswers(published, incidentId, alerts);
        await writer.written();
      },
      answered: (incidentId) => somebodyAnswered(published, incidentId),
      unanswered: () => unansweredIncidents(book.active()),
      onTrouble: deps.onTrouble,
    },
    setup.escalation,
  );
  escalating = opened;
  const unfollow = book.follow(({ alert }) => {
    notifying.take(alert);
    opened.take(alert);
  });
  unfollowMeanwhile();
  for (const alert of meanwhile) {
    notifying.take(alert);
    opened.take(alert);
  }
  return {
    notifying,
    escalating: opened,
    async close() {
      unfollow();
      await opened.close();
      await notifying.close();
    },
  };
}

/** What begins with its first failure does not grow as Prometheus sees it. */
export function countFromZero({ receivers }: NotifySetup, metrics: TellingDeps["metrics"]): void {
  for (const { name } of receivers.filter(({ channels }) => channels.length > 0)) {
    for (const outcome of ["delivered", "retrying", "failed"]) {
      metrics?.notifications.inc({ receiver: name, outcome }, 0);
    }
  }
}
