/** What this browser's people want to hear and see of alerts; kept, and the same in all tabs. */
import { signal, type Signal } from "@preact/signals";
import { SEVERITIES } from "../data/alert-row.ts";
import { keyOf, membersOf, readKept, writeKept } from "../kept.ts";
import { LOST, type SoundSettings } from "./alarm.ts";

export interface NoticeSettings {
  readonly isOn: boolean;
  readonly severities: readonly string[];
}

export const sound = kept<SoundSettings>("sound", {
  isOn: true,
  volume: 0.4,
  severities: ["critical", "high", LOST],
  mutedUntilMs: 0,
});
export const notices = kept<NoticeSettings>("notifications", {
  isOn: false,
  severities: ["critical", "high"],
});

export function change<T extends object>(setting: Signal<T>, changes: Partial<T>): void {
  setting.value = { ...setting.value, ...changes };
}

/** The same with a severity more, or less. */
export function toggled(severities: readonly string[], severity: string): string[] {
  return [...SEVERITIES, LOST].filter((each) => severities.includes(each) !== (each === severity));
}

function kept<T extends object>(name: string, standard: T): Signal<T> {
  const setting = signal(membersOf(readKept(name), standard));
  let isHeard = true;
  setting.subscribe((value) => {
    if (!isHeard) writeKept(name, JSON.stringify(value));
    isHeard = false;
  });
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== keyOf(name)) return;
    isHeard = true;
    setting.value = membersOf(newValue, standard);
  });
  return setting;
}
