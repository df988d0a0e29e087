/** Rules, and alerts of the past, for all charts of the page: what they draw over their lines. */
import { signal } from "@preact/signals";
import { AlertState, type Alert } from "../../wire/gen/alerts_pb.ts";
import type { Rule } from "../../wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import { alertsApi } from "../api.ts";
import { msOf } from "../format.ts";
import { alertBook, onAlerts } from "./alerts.ts";

const READ_EVERY_MS = 60_000;
/** Those that clear meanwhile are heard of. */
const ALERTS_EVERY_MS = 300_000;
/** In a storm of alerts charts are drawn no more often for it. */
const TOLD_EVERY_MS = 2_000;
const [RULES_MAX, ALERTS_MAX] = [1_000, 1_000];
/** Alerts that fired so long before what is shown, and cleared in it, are shown, too. */
const BEFORE_MS = 86_400_000;
const BEGIN_STEP_MS = 3_600_000;

export const rules = signal<readonly Rule[]>([]);
/** Those that fire and those that have, by what they say is their metric ("": none). */
export const alertsByMetric = signal<ReadonlyMap<string, readonly Alert[]>>(new Map());

/** Of those that are over there are more, which fired before; -Infinity: there are none. */
export const alertsKnownFromMs = signal(-Infinity);
/** There are more rules than were read. */
export const areRulesCut = signal(false);

const wanted = new Map<object, number>();
let past: readonly Alert[] = [];
let pastRead = { atMs: -Infinity, fromMs: Infinity };
let running: { readonly ask: () => void; readonly stop: () => void } | undefined;

/** For as long as nobody calls what it returns. */
export function wantOverlays(fromMs: number): () => void {
  const key = {};
  const isEarlier = fromMs < Math.min(...wanted.values());
  wanted.set(key, fromMs);
  if (running === undefined) running = start();
  else if (isEarlier) running.ask();
  return () => {
    wanted.delete(key);
    // Charts of one page come and go together.
    setTimeout(() => {
      if (wanted.size > 0) return;
      running?.stop();
      running = undefined;
    });
  };
}

function start() {
  const controller = new AbortController();
  const { signal: over } = controller;
  let due: ReturnType<typeof setTimeout> | undefined;
  const tellSoon = () => (due ??= setTimeout(tell, TOLD_EVERY_MS));
  const tell = () => {
    due = undefined;
    const known = new Map(
      [...past, ...[...alertBook.rows()].map(({ alert }) => alert)].map((alert) => [alert.id, alert]),
    );
    alertsByMetric.value = Map.groupBy(known.values(), ({ context }) => context["metric"] ?? "");
  };
  let asking: ReturnType<typeof setTimeout> | undefined;
  const ask = () =>
    (asking ??= setTimeout(async () => {
      asking = undefined;
      await read(over);
      if (!over.aborted) tell();
    }));
  const unfollow = onAlerts(tellSoon);
  const timer = setInterval(() => !document.hidden && ask(), READ_EVERY_MS);
  ask();
  const stop = () => {
    pastRead = { atMs: -Infinity, fromMs: Infinity };
    controller.abort();
    unfollow();
    clearInterval(timer);
    clearTimeout(due);
    clearTimeout(asking);
  };
  return { ask, stop };
}

async function read(over: AbortSignal): Promise<void> {
  const fromMs = Math.max(0, Math.floor((Math.min(...wanted.values()) - BEFORE_MS) / BEGIN_STEP_MS) * BEGIN_STEP_MS);
  const nowMs = performance.now();
  const isDue = fromMs < pastRead.fromMs || nowMs - pastRead.atMs > ALERTS_EVERY_MS;
  try {
    const [{ rules: infos, more }] = await Promise.all([
      alertsApi.listRules({ limit: RULES_MAX }, { signal: over }),
      isDue && readPast(fromMs, over),
    ]);
    rules.value = infos.flatMap(({ rule }) => rule ?? []);
    areRulesCut.value = more;
    if (isDue) pastRead = { atMs: nowMs, fromMs };
  } catch {
    // Charts are drawn without them, as before; they are asked for again.
  }
}

async function readPast(fromMs: number, over: AbortSignal): Promise<void> {
  const asked = { state: AlertState.CLEARED, from: timestampOfMs(fromMs), limit: ALERTS_MAX };
  const { alerts, nextPage } = await alertsApi.listAlerts(asked, { signal: over });
  past = alerts;
  alertsKnownFromMs.value = nextPage === "" ? -Infinity : (msOf(alerts.at(-1)?.createdAt) ?? -Infinity);
}
