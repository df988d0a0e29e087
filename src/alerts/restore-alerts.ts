/** Brings back what was when the server ended: rules, active alerts, and where every instance stood. */
import type { DocumentChange } from "../model/journal.ts";
import { allDocuments, type DocumentReader } from "./all-documents.ts";
import {
  conditionHash,
  incidentOf,
  INCIDENTS,
  INSTANCES,
  PUBLISHED_ALERTS,
  savedIn,
  storedInstanceOf,
  type StoredInstance,
} from "./alert-documents.ts";
import { type AlertBook } from "./alert-book.ts";
import { AlertRecord, type ClearedBecause } from "./alert.ts";
import type { Engine } from "./engine.ts";
import type { Incidents } from "./incidents.ts";
import type { Instance } from "./instance.ts";
import { RULES, type DatedRule, type RuleBook } from "./rule-book.ts";
import { ruleFromJson } from "./rule-text.ts";
import type { PastEngine } from "./warm-up.ts";
import { documentName, type SetAside } from "../model/set-aside.ts";

/** The newest stored point of each series. */
export interface LatestValues {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

export async function restoreRules(reader: DocumentReader, rules: RuleBook): Promise<void> {
  const stored: DatedRule[] = [];
  for await (const { value, sort } of allDocuments(reader, RULES))
    stored.push({ rule: ruleFromJson(value), sinceMs: sort });
  rules.enforce(stored);
}

/**
 * What was evaluated before is not evaluated again when it is sent again. `nowMs`: none is further than that; `livedAfterMs`:
 * how long the server is known to have lived after a time.
 */
export function restoreClocks(
  engine: PastEngine,
  { seriesIds, timesUs, values }: LatestValues,
  nowMs: number,
  livedAfterMs: (timeMs: number) => number,
): void {
  const atMs = engine.atMs();
  for (let i = 0; i < seriesIds.length; i++) {
    for (const probe of engine.probesOf(seriesIds[i])) {
      const clockUs = Math.min(timesUs[i], nowMs * 1_000);
      const thenMs = atMs - livedAfterMs(clockUs / 1_000);
      // One from the future need not be the one that came last.
      const isNewest = clockUs === timesUs[i] || probe.clockUs === -Infinity;
      if (isNewest) probe.instance.restoreClock(probe, timesUs[i], clockUs, values[i], thenMs, atMs);
      engine.schedule(probe.instance);
    }
  }
}

/** Resolves with what is to be removed: states of instances that are no longer there. */
export async function restoreInstances(
  reader: DocumentReader,
  engine: Engine,
  book: AlertBook,
  incidents: Incidents,
  livedAfterMs: (timeMs: number) => number,
  setAside: SetAside,
): Promise<DocumentChange[]> {
  const removed: DocumentChange[] = [];
  const ends: (() => void)[] = [];
  for await (const { collection, key, sort, value } of allDocuments(reader, INSTANCES)) {
    const name = documentName({ collection, key });
    const stored = setAside.read(name, () => storedInstanceOf(value));
    if (stored === undefined) continue;
    const isFiring = stored.alert !== undefined;
    const alert = isFiring ? setAside.read(name, () => AlertRecord.revived(stored.alert!)) : undefined;
    const bound = engine.rules.get(stored.rule);
    const instance = bound === undefined ? undefined : engine.restored(bound, stored.key);
    const because = whyGone(engine, stored, instance);
    if (because === null) {
      const saved = savedIn(stored);
      instance!.restore({ ...saved, silentMs: saved.silentMs + livedAfterMs(sort) }, engine.atMs());
      if (alert !== undefined) book.restore(alert, instance!);
      // What cannot be read is no reason that nobody hears of what fires: another alert does.
      else if (isFiring) engine.reset(instance!);
      if (!instance!.isOpen) book.noteQuiet(key, sort);
      engine.schedule(instance!);
      continue;
    }
    const removal = { collection, key, sort, value: null };
    if (alert === undefined) removed.push(removal);
    else {
      book.restore(alert, null);
      ends.push(() => book.endOrphan(alert, because, removal));
    }
  }
  for await (const document of allDocuments(reader, PUBLISHED_ALERTS)) {
    const alert = setAside.read(documentName(document), () => AlertRecord.fromJson(document.value));
    if (alert !== undefined) book.restore(alert, null);
  }
  await restoreIncidents(reader, incidents, book.active(), setAside);
  for (const end of ends) end();
  return removed;
}

async function restoreIncidents(
  reader: DocumentReader,
  incidents: Incidents,
  alerts: Iterable<AlertRecord>,
  setAside: SetAside,
): Promise<void> {
  const active = new Map<string, AlertRecord[]>();
  for (const alert of alerts) {
    const others = active.get(alert.incidentId);
    if (others === undefined) active.set(alert.incidentId, [alert]);
    else others.push(alert);
  }
  for await (const document of allDocuments(reader, INCIDENTS)) {
    const incident = setAside.read(documentName(document), () => incidentOf(document.value));
    if (incident !== undefined) incidents.restore(incident, active.get(document.key) ?? []);
  }
}

function whyGone(engine: Engine, stored: StoredInstance, instance: Instance | undefined): ClearedBecause | null {
  const bound = engine.rules.get(stored.rule);
  if (bound === undefined) return "rule_deleted";
  if (conditionHash(bound.rule) !== stored.condition || bound.rule.isDisabled) return "rule_changed";
  return instance === undefined ? "series_deleted" : null;
}
