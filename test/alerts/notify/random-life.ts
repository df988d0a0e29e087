/** Random lives of alerts and silences, and a plain model of what holds an alert back. */
import fc from "fast-check";
import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import { parseMatcher } from "../../../src/alerts/notify/label-matcher.ts";
import { notifyConfigOf } from "../../../src/alerts/notify/notify-config-input.ts";
import type { NotifyConfig } from "../../../src/alerts/notify/notify-config.ts";
import { SEVERITIES, type Severity } from "../../../src/alerts/severity.ts";
import { changed, makeAlert, resolved } from "./make-alert.ts";
import type { Rig } from "./rig.ts";

export const WAIT_MS = 30_000;
export const INTERVAL_MS = 300_000;
export const REPEAT_MS = 1_200_000;
/** Of a silent device. */
const GRACE_MS = 90_000;
const SLOTS = 8;

export const CONFIGS: readonly NotifyConfig[] = [
  { group_by: ["rack"] },
  { group_by: ["..."] },
  {
    group_by: ["alertname"],
    routes: [
      { receiver: "pager", matchers: ["severity=critical"], group_by: ["rack"], continue: true },
      { receiver: "pager", matchers: ["rack!=1"] },
      { matchers: ["severity=~high|critical"], group_by: [] },
    ],
  },
].map((route) =>
  notifyConfigOf({
    route: { receiver: "ops", repeat_interval: "20m", ...route },
    receivers: [{ name: "ops" }, { name: "pager", send_resolved: false }],
    inhibit_rules: [
      { source_matchers: ["severity=critical"], target_matchers: ["severity!=critical"], equal: ["rack"] },
      { source_matchers: ["alertname=Down"], target_matchers: ["alertname=~Hot|Down"], equal: ["device"] },
    ],
  }),
);

export interface Life {
  readonly waitMs: number;
  readonly act:
    "fire" | "resolve" | "severity" | "acknowledge" | "window" | "silence" | "expire" | "clock" | "receiver";
  readonly slot: number;
  readonly severity: Severity;
  readonly rule: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly lengthMs: number;
  readonly isYes: boolean;
}

const waits = [0, 0, 1, 1_000, 10_000, 29_999, 30_000, 60_000, 200_000, 300_000, 1_000_000, 2_500_000];

/** `acts`: those that may come. */
export function livesOf(...acts: Life["act"][]): fc.Arbitrary<Life[]> {
  const life = fc.record<Life>({
    waitMs: fc.constantFrom(...waits),
    act: fc.constantFrom(...acts),
    slot: fc.nat(SLOTS - 1),
    severity: fc.constantFrom(...SEVERITIES),
    rule: fc.constantFrom("Hot", "Down", "Silent"),
    labels: fc.record({ rack: fc.constantFrom("1", "2"), device: fc.constantFrom("dev-1", "dev-2", "gw-1") }),
    lengthMs: fc.constantFrom(...waits.filter((ms) => ms > 1)),
    isYes: fc.boolean(),
  });
  return fc.array(life, { minLength: 5, maxLength: 60 });
}

interface KnownSilence {
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAtMs: number;
  endsAtMs: number;
}

export function parentsOf({ device = "" }: Readonly<Record<string, string>>): readonly string[] {
  return device.startsWith("dev-") ? ["gw-1"] : [];
}

/** Lives the same life as a notifier, and knows what is held back by looking at everything. */
export class Model {
  readonly alerts = new Map<number, AlertFacts>();
  readonly #silences = new Map<number, KnownSilence>();
  readonly #graceFrom = new Map<string, number>();
  #count = 0;

  /** Does to the rig what life brings; what makes no sense just now is left out. */
  live({ act, slot, severity, rule, labels, lengthMs, isYes }: Life, rig: Rig): void {
    const alert = this.alerts.get(slot);
    const nowMs = rig.wallMs;
    if (act === "clock") return rig.setClock(-lengthMs);
    if (act === "receiver") return rig.receiver(slot % 2 === 0 ? "ops" : "pager", isYes ? "works" : "fails");
    if (act === "silence") {
      const silence = { labels, startsAtMs: nowMs + (isYes ? 0 : 45_000), endsAtMs: nowMs + 46_000 + lengthMs };
      const matchers = Object.entries(labels).map(([name, value]) => parseMatcher(`${name}=${value}`));
      const given = { ...silence, id: `s${++this.#count}`, matchers, author: "", comment: "", isForAll: false };
      this.#silences.set(this.#count, silence);
      return rig.do((notifier) => void notifier.putSilence(given, nowMs));
    }
    if (act === "expire") {
      const last = [...this.#silences].findLast(([, { endsAtMs }]) => endsAtMs > nowMs);
      if (last === undefined) return;
      last[1].endsAtMs = nowMs;
      return rig.do((notifier) => void notifier.expireSilence(`s${last[0]}`, nowMs));
    }
    if (act === "fire") {
      if (alert !== undefined) return;
      const about = rule === "Silent" ? { absenceOf: labels["device"], graceMs: GRACE_MS } : {};
      const id = `a${++this.#count}`;
      this.#graceFrom.set(id, nowMs);
      return this.#put(slot, makeAlert({ id, rule, severity, labels, startsAtMs: nowMs, ...about }), rig);
    }
    if (alert === undefined) return;
    if (act === "severity") return this.#put(slot, changed(alert, { severity, isAcknowledged: false }), rig);
    if (act === "acknowledge") return this.#put(slot, { ...alert, isAcknowledged: isYes }, rig);
    if (act === "window") return this.#put(slot, { ...alert, isRuleActive: isYes }, rig);
    this.alerts.delete(slot);
    this.#returned(alert, nowMs);
    rig.put(resolved(alert, nowMs));
  }

  firing(): AlertFacts[] {
    return [...this.alerts.values()];
  }

  isHeldBack(alert: AlertFacts, nowMs: number): boolean {
    return (
      !alert.isRuleActive || this.#isSilenced(alert, nowMs) || this.#isInhibited(alert) || this.#isHeld(alert, nowMs)
    );
  }

  #put(slot: number, alert: AlertFacts, rig: Rig): void {
    this.alerts.set(slot, alert);
    rig.put(alert);
  }

  #isSilenced({ labels }: AlertFacts, nowMs: number): boolean {
    return [...this.#silences.values()].some((silence) => {
      const isActive = silence.startsAtMs <= nowMs && nowMs < silence.endsAtMs;
      return isActive && Object.entries(silence.labels).every(([name, value]) => labels[name] === value);
    });
  }

  #isInhibited(alert: AlertFacts): boolean {
    const { labels } = alert;
    return this.firing().some((other) => {
      if (other.id === alert.id) return false;
      const isGraver = other.severity === "critical" && alert.severity !== "critical";
      const isDown = other.rule === "Down" && alert.rule === "Hot" && other.labels["device"] === labels["device"];
      return (isGraver && other.labels["rack"] === labels["rack"]) || isDown || this.#isBehind(alert, other);
    });
  }

  #isBehind(alert: AlertFacts, other: AlertFacts): boolean {
    return alert.absenceOf !== "" && other.absenceOf !== "" && parentsOf(alert.labels).includes(other.absenceOf);
  }

  #isHeld(alert: AlertFacts, nowMs: number): boolean {
    if (alert.absenceOf === "" || parentsOf(alert.labels).length === 0) return false;
    return nowMs < this.#graceFrom.get(alert.id)! + GRACE_MS;
  }

  #returned({ absenceOf }: AlertFacts, nowMs: number): void {
    if (absenceOf === "" || this.firing().some((other) => other.absenceOf === absenceOf)) return;
    for (const alert of this.firing()) {
      if (alert.absenceOf !== "" && parentsOf(alert.labels).includes(absenceOf)) this.#graceFrom.set(alert.id, nowMs);
    }
  }
}
