/** All that holds an alert back: its rule's times, silences, what is silent above it, other alerts, and its grace. */
import { Absences, type ParentsOf } from "./absences.ts";
import type { Mute } from "./alert-facts.ts";
import { Inhibitor } from "./inhibitor.ts";
import type { Labels } from "./label-matcher.ts";
import type { NotifyConfig } from "./notify-config.ts";
import { Silences, type TestOfScope } from "./silences.ts";
import type { TrackedAlert } from "./tracked-alert.ts";

/** What an alert no longer holds back, once it is over or has other labels. */
export interface Freed {
  /** As in {@link Mute}'s `waitsFor`. */
  readonly waits: readonly string[];
  /** Alerts whose grace begins. */
  readonly graced: readonly TrackedAlert[];
}

export class Mutes {
  readonly silences: Silences;
  readonly #inhibitor: Inhibitor;
  readonly #absences: Absences;

  constructor({ inhibitions, silenceNoticeMs }: NotifyConfig, parentsOf: ParentsOf, isIn?: TestOfScope) {
    this.silences = new Silences(silenceNoticeMs, isIn);
    this.#inhibitor = new Inhibitor(inhibitions);
    this.#absences = new Absences(parentsOf);
  }

  /** Takes an alert as it stands. One that is there already has to be removed first. */
  add(alert: TrackedAlert): void {
    this.#inhibitor.add(alert);
    this.#absences.add(alert);
  }

  /** Before its facts change. */
  remove(alert: TrackedAlert): Freed {
    const { absenceOf } = alert.facts;
    const waits = this.#inhibitor.remove(alert.id).map(waitForSource);
    const graced = this.#absences.remove(alert, absenceOf);
    return { waits: graced.length > 0 ? [...waits, waitForDevice(absenceOf)] : waits, graced };
  }

  /** The id of an alert that would inhibit one with these labels, if there were such a one. */
  wouldBeInhibitedBy(labels: Labels): string | undefined {
    return this.#inhibitor.wouldInhibit(labels)?.by;
  }

  /** Undefined where nothing holds it back. */
  muteOf(alert: TrackedAlert, nowMs: number): Mute | undefined {
    if (!alert.facts.isRuleActive) return { kind: "inactive" };
    const silence = this.silences.silencing(alert.facts.labels, nowMs);
    if (silence !== undefined) return { kind: "silenced", by: silence.id };
    const above = this.#absences.silentAbove(alert.id);
    if (above !== undefined) return { kind: "inhibited", by: above.by, waitsFor: waitForDevice(above.device) };
    const source = this.#inhibitor.inhibiting(alert.id);
    if (source !== undefined) return { kind: "inhibited", by: source.by, waitsFor: waitForSource(source.key) };
    const untilMs = this.#absences.heldUntilMs(alert);
    return untilMs > nowMs ? { kind: "held", untilMs } : undefined;
  }
}

function waitForDevice(device: string): string {
  return `device ${device}`;
}

function waitForSource(key: string): string {
  return `source ${key}`;
}
