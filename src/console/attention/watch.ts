/** Calls for attention: hands what happens to alerts to sound, notifications, the tab and what is read out. */
import { signal } from "@preact/signals";
import { broken } from "../connection.ts";
import { alertBook, onAlerts } from "../data/alerts.ts";
import type { AlertDeltas } from "../data/alert-book.ts";
import { readKept, removeKept, writeKept } from "../kept.ts";
import { Alarm } from "./alarm.ts";
import { Announcer } from "./announcer.ts";
import { showFavicon } from "./favicon.ts";
import { Lease, type LeaseStore } from "./lease.ts";
import { NoticePlan } from "./notice-plan.ts";
import { isNotifier, standForNotifying } from "./notifier.ts";
import { closeNotices, followPermission, noticePermission, showNotices } from "./notifications.ts";
import { notices, sound } from "./settings.ts";
import { playTone, prepareSound, soundState } from "./tones.ts";

/** Read out; changes at most every few seconds. */
export const announced = signal("");
/** How many alerts need somebody, as the tab shows it; changes at most once a second. */
export const openCount = signal(0);

const TICK_MS = 1_000;
/** A server that restarts is back before. */
const LOST_AFTER_MS = 30_000;
const TAB = `${Date.now()} ${Math.random()}`;
const alarm = new Alarm();
const announcer = new Announcer();
const plan = new NoticePlan();
const soundLease = leaseOf("sounding");
let ticking: ReturnType<typeof setTimeout> | undefined;

export function watchForAttention(): void {
  prepareSound();
  onAlerts(hear);
  sound.subscribe(tickSoon);
  soundState.subscribe(tickSoon);
  broken.subscribe(tickSoon);
  addEventListener("pagehide", () => {
    soundLease.release();
    closeNotices();
  });
  standForNotifying();
  void followPermission();
}

function hear({ deltas, isBeginning }: AlertDeltas): void {
  if (!isBeginning) {
    announcer.note(deltas);
    notify(deltas);
  }
  tickSoon();
}

/** Once a second at most while there is something to do, and never while there is not. */
function tickSoon(): void {
  // Timers leave out fractions: a tone that is due in five seconds would wait for a sixth.
  ticking ??= setTimeout(tick, Math.ceil(ticked + TICK_MS - performance.now()));
}

let ticked = -Infinity;

function tick(): void {
  ticked = performance.now();
  ticking = undefined;
  const nowMs = Date.now();
  const { openCounts } = alertBook;
  openCount.value = openCounts.reduce((sum, count) => sum + count, 0);
  showFavicon(openCount.value, openCounts[0] > 0);
  announced.value = announcer.take(nowMs) ?? announced.value;
  if (!plan.isSettled) notify([]);
  const isAlarming = alarmSounds(nowMs);
  if (isAlarming || announcer.nextMs() !== undefined || !plan.isSettled) tickSoon();
}

/** Only a tab that may sound asks for the lease. Returns whether anything is to sound, now or later. */
function alarmSounds(nowMs: number): boolean {
  const { isOn, volume } = sound.peek();
  const isBroken = broken.peek() !== undefined;
  if (soundState.peek() !== "running" || !soundLease.hold(nowMs)) return isOn && (openCount.peek() > 0 || isBroken);
  const isLost = isBroken && nowMs - broken.peek()!.sinceMs > LOST_AFTER_MS;
  const { severity, nextMs } = alarm.step([...alertBook.openCounts, isLost ? 1 : 0], sound.peek(), nowMs);
  if (severity !== undefined) playTone(severity, volume);
  return nextMs < Infinity || (isOn && isBroken);
}

function notify(deltas: AlertDeltas["deltas"]): void {
  const { isOn, severities } = notices.peek();
  const canNotify = isOn && noticePermission.peek() === "granted" && isNotifier();
  // Whoever looks at the page sees it there.
  const isWanted = canNotify && !document.hasFocus();
  showNotices(plan.take(deltas, ({ alert }) => isWanted && severities.includes(alert.severity), Date.now()));
}

function leaseOf(name: string): Lease {
  const store: LeaseStore = {
    read: () => readKept(name),
    write: (text) => writeKept(name, text),
    remove: () => removeKept(name),
  };
  return new Lease(store, TAB);
}
