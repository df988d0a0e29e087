/**
 * Alerts as the notifier has them: gives them to it as they stand, and anew when their rules begin or cease to notify. Pure:
 * whoever drives it brings the time.
 */
import type { AlertRecord } from "./alert.ts";
import { notifyFactsOf } from "./notify-facts.ts";
import type { Notifier } from "./notify/notifier.ts";
import type { Rule } from "./rule.ts";
import { RuleTimes } from "./rule-times.ts";

export interface NotifiedAlertsDeps {
  /** Active ones. */
  active(): Iterable<AlertRecord>;
  ruleOf(name: string): Rule | undefined;
}

export class NotifiedAlerts {
  readonly #notifier: Notifier;
  readonly #deps: NotifiedAlertsDeps;
  readonly #times = new RuleTimes();

  constructor(notifier: Notifier, deps: NotifiedAlertsDeps) {
    this.#notifier = notifier;
    this.#deps = deps;
  }

  /** When {@link putTimed} is to be called; Infinity: never. */
  get nextMs(): number {
    return this.#times.nextMs;
  }

  /** An alert was told of. Returns whether {@link nextMs} is earlier now. */
  put(alert: AlertRecord, nowMs: number): boolean {
    const rule = this.#deps.ruleOf(alert.rule);
    this.#notifier.put(notifyFactsOf(alert, rule, nowMs), nowMs);
    return rule !== undefined && this.#times.note(rule, nowMs);
  }

  /** All whose rules have times of day. */
  putTimed(nowMs: number): void {
    this.#times.clear();
    for (const alert of this.#deps.active()) {
      if ((this.#deps.ruleOf(alert.rule)?.activeTimes.length ?? 0) > 0) this.put(alert, nowMs);
    }
  }
}
