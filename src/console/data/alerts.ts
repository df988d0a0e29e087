/** All alerts that fire, acknowledged ones among them, as the server tells of them. */
import { computed, signal } from "@preact/signals";
import { AlertChange, AlertState, type Alert } from "../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../api.ts";
import { following } from "../follow.ts";
import { AlertBook, type AlertDeltas } from "./alert-book.ts";
import { SEVERITIES } from "./alert-row.ts";
import { poll } from "./poll.ts";

export { SEVERITIES } from "./alert-row.ts";

export const alertBook = new AlertBook();
/** Counts what was shown: whoever reads it is told when the book has changed. */
export const alertsVersion = signal(0);
export const areAlertsKnown = computed(() => alertsVersion.value >= 0 && alertBook.isKnown);

/** Active ones, the gravest first, then the newest. */
export const alertList = computed(() => atVersion().active.map(({ alert }) => alert));
export const alerts = computed<ReadonlyMap<string, Alert>>(
  () => new Map(atVersion().active.map(({ id, alert }) => [id, alert])),
);
export const alertsBySeverity = computed(
  () => new Map(SEVERITIES.map((severity, i) => [severity, atVersion().counts[i]])),
);
/** Nobody has said yet that they take care of these, and nobody wants them quiet. */
export const unacknowledged = computed(() => atVersion().openCounts.reduce((sum, count) => sum + count, 0));

/** At most a fifth of the time goes into showing what changes. */
const [SHOWN_EVERY_MS, SHOWN_EVERY_MAX_MS, PAUSE_TIMES] = [100, 1_000, 4];
/** Hidden pages draw no frames. */
const FRAME_WITHIN_MS = 500;
/** Of those that fired last; a thousand would take longer to decode than a frame lasts. */
const [VALUES_EVERY_MS, VALUES_MAX] = [5_000, 300];
const listeners = new Set<(changes: AlertDeltas) => void>();
let isDue = false;
let pauseMs = SHOWN_EVERY_MS;

/** Hears of changes, many at once; `alertBook` has them already. Returns what ends that. */
export function onAlerts(listener: (changes: AlertDeltas) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const followAlerts = following<Alert>("alerts", {
  begin: () => alertBook.begin(),
  open: (cursor, options) => {
    return alertsApi.subscribeAlerts({ includeAcknowledged: true, updates: true, cursor }, options);
  },
  hear(alert) {
    alertBook.hear(alert);
    // What fires right behind the beginning is news, and is not to be taken with it.
    if (alertBook.isBeginning) tell();
    else showSoon();
  },
  isUnwritten: ({ cursor, change }) => cursor === "" && change !== AlertChange.SNAPSHOT,
});

/** Silences have changed, or time has begun or ended some. */
export function setSilenced(isSilenced: (alert: Alert) => boolean): void {
  alertBook.setSilenced(isSilenced);
  showSoon();
}

/** Where devices are, for alerts whose labels do not say it; again when that has changed. */
export function setSites(siteOf: (device: string) => string): void {
  alertBook.setSites(siteOf);
  showSoon();
}

/** Their values as of now: they come with changes alone. Asks again while somebody looks. Returns what ends that. */
export function followValues(): () => void {
  const over = new AbortController();
  const { signal } = over;
  poll({
    ask: async () => {
      if (!alertBook.isKnown) return [];
      const { alerts: read } = await alertsApi.listAlerts({ state: AlertState.ACTIVE, limit: VALUES_MAX }, { signal });
      return read;
    },
    onAnswer: (read) => {
      alertBook.refresh(read);
      showSoon();
    },
    // The stream says that the connection is broken.
    onFailure: () => {},
    ...{ everyMs: VALUES_EVERY_MS, signal, page: document },
  });
  return () => over.abort();
}

/** Many that change at once are shown at once. */
function showSoon(): void {
  if (isDue || !alertBook.hasChanged) return;
  isDue = true;
  setTimeout(
    () => {
      const late = setTimeout(show, FRAME_WITHIN_MS);
      const frame = requestAnimationFrame(() => show());
      function show() {
        clearTimeout(late);
        cancelAnimationFrame(frame);
        isDue = false;
        const begunMs = performance.now();
        tell();
        // Behind what is rendered by that.
        setTimeout(() => {
          const tookMs = performance.now() - begunMs;
          pauseMs = Math.min(SHOWN_EVERY_MAX_MS, Math.max(SHOWN_EVERY_MS, PAUSE_TIMES * tookMs));
        });
      }
    },
    document.hidden ? SHOWN_EVERY_MAX_MS : pauseMs,
  );
}

function tell(): void {
  const changes = alertBook.take();
  for (const listener of listeners) listener(changes);
  alertsVersion.value++;
}

function atVersion(): AlertBook {
  void alertsVersion.value;
  return alertBook;
}
