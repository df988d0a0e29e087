/** Instances of a rule that another node evaluates, as that says they stand. */
import type { BoundRule } from "../bound-rule.ts";
import { Instance } from "../instance.ts";
import { ProbeRows } from "../probe-rows.ts";
import { Probe } from "../probe.ts";
import type { SavedInstance } from "../saved-instance.ts";
import { seriesOfKey } from "../series-marks.ts";

/** A sample as the other node saw it. */
export interface ReportedSample {
  /** Here. */
  readonly seriesId: number;
  /** What the limit was compared with. */
  readonly value: number;
  readonly level: number;
}

/** Now, and in the time of the engine. */
interface Now {
  readonly nowMs: number;
  readonly atMs: number;
}

/** Undefined: there is none that is open. */
export function openInstance(bound: BoundRule, key: string): Instance | undefined {
  const place = placeOf(bound, key);
  return place === undefined ? undefined : bound.instances.get(place);
}

/** The same; one that is not open is made for whoever asks. Undefined: its key means nothing here. */
export function lentInstance(bound: BoundRule, key: string, { nowMs, atMs }: Now): Instance | undefined {
  const place = placeOf(bound, key);
  if (place === undefined) return undefined;
  return bound.instances.get(place) ?? new Instance(bound, place, nowMs * 1_000, atMs);
}

/** An instance stands so now. */
export function report(
  instance: Instance,
  bound: BoundRule,
  saved: SavedInstance,
  met: ReportedSample | undefined,
  { atMs }: Now,
): void {
  instance.restore(saved, atMs);
  if (met !== undefined) instance.lead = reportedLead(instance, met, saved.gapMs);
  if (instance.isOpen) bound.instances.set(instance.place, instance);
  else bound.instances.delete(instance.place);
}

/** The series that leads it: what an alert says is made of that. It hears nothing. `gapMs`: 0 where it is not known. */
export function reportedLead(instance: Instance, { seriesId, value, level }: ReportedSample, gapMs: number): Probe {
  const lead = new Probe(instance, seriesId, null, new ProbeRows(1));
  lead.value = value;
  lead.level = level;
  lead.gapMs = gapMs;
  return lead;
}

function placeOf({ rule, marks }: BoundRule, key: string): number | string | undefined {
  return rule.groupBy === undefined ? seriesOfKey(key, marks) : key;
}
