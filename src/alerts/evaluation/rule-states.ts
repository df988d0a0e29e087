/** How rules stand, as nodes hand them to each other. */
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { RuleState, SeenSample } from "../../wire/gen/evaluation_pb.ts";
import { savedIn, stateText, type StoredInstance } from "../alert-documents.ts";
import type { BoundRule } from "../bound-rule.ts";
import { metBy, observedBy } from "../describe.ts";
import type { Engine } from "../engine.ts";
import type { Instance } from "../instance.ts";
import type { SavedInstance } from "../saved-instance.ts";
import { lentInstance, report, type ReportedSample } from "./lent-instance.ts";

/** Shorter silences begin anew where a rule moves. */
const SILENCE_MS_MIN = 500;

/** Fields as in proto/evaluation.proto. */
export interface RuleStateFields {
  readonly rule: string;
  readonly instances: { readonly key: string; readonly state: string }[];
  readonly silences: { readonly series: string; readonly silentMs: number }[];
}

export interface StatesPart {
  readonly rules: RuleStateFields[];
  /** There is at least one more behind it. */
  readonly more: boolean;
}

/** Far below what a message may have, and little enough for the event loop. */
export const PART_CHARS = 2 * 1024 * 1024;
/** What an instance or a silence takes beside its texts. */
const ENTRY_CHARS = 16;

/** `atMs`: in the time of its engine. */
export function ruleStateOf(bound: BoundRule, atMs: number): RuleStateFields {
  const open = [...bound.instances.values()].filter((instance) => instance.isOpen);
  return {
    rule: bound.rule.name,
    instances: open.map((instance) => ({ key: instance.key, state: stateText(instance.save(atMs)) })),
    silences: silencesOf(bound, atMs),
  };
}

/** In parts that go in a message each; one where there is nothing. `charsMax`: of one, about. */
export function partsOf(states: readonly RuleStateFields[], charsMax = PART_CHARS): StatesPart[] {
  const parts: RuleStateFields[][] = [[]];
  let chars = 0;
  for (const { rule, instances, silences } of states) {
    let fields: RuleStateFields | undefined;
    const roomFor = (more: number): RuleStateFields => {
      if (chars > 0 && chars + more > charsMax) {
        parts.push([]);
        [chars, fields] = [0, undefined];
      }
      if (fields === undefined) parts.at(-1)!.push((fields = { rule, instances: [], silences: [] }));
      chars += ENTRY_CHARS + more;
      return fields;
    };
    roomFor(rule.length);
    for (const each of instances) roomFor(each.key.length + each.state.length).instances.push(each);
    for (const each of silences) roomFor(each.series.length).silences.push(each);
  }
  return parts.map((rules, i) => ({ rules, more: i < parts.length - 1 }));
}

/** Rules that were handed over stand as it says. */
export function restoreStates(
  engine: Engine,
  clock: Pick<Clock, "nowMs">,
  states: readonly RuleState[],
  onTrouble: (sentence: string) => void,
): void {
  const now = { nowMs: clock.nowMs(), atMs: engine.atMs() };
  for (const { rule, instances } of states) {
    const bound = engine.rules.get(rule);
    for (const { key, state } of bound?.isLent === true ? instances : []) {
      try {
        const instance = lentInstance(bound!, key, now);
        if (instance !== undefined) report(instance, bound!, savedOf(state), undefined, now);
      } catch (error) {
        onTrouble(`rule ${JSON.stringify(rule)} begins anew for ${key}: ${messageOf(error)}`);
      }
    }
  }
}

/** Throws INVALID_ARGUMENT. */
export function savedOf(state: string): SavedInstance {
  try {
    const saved = savedIn({ state: JSON.parse(state) } as StoredInstance);
    if (typeof saved.phase === "string" && typeof saved.clockUs === "number") return saved;
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `an instance of a rule cannot be read: ${messageOf(error)}`);
  }
  throw new WatchpostError("INVALID_ARGUMENT", `it is no instance of a rule: ${state.slice(0, 100)}`);
}

/** The sample that an instance says its alert is about, as others are told of it; of level 0 where nothing meets the condition. */
export function seenBy(instance: Instance): Pick<SeenSample, "series" | "value" | "level"> | undefined {
  const { rule, shared } = instance;
  const met = metBy(instance);
  const shown = met ?? instance.leading();
  if (shown === null) return undefined;
  const series = String(shared.marks.written(shown.seriesId));
  return { series, value: observedBy(rule, shown), level: met === undefined ? 0 : Math.max(1, met.level) };
}

/** Inverse of {@link seenBy}; undefined: there is none, or its series is not known here. */
export function sampleOf(seen: SeenSample | undefined, { marks }: BoundRule): ReportedSample | undefined {
  const seriesId = seen === undefined ? undefined : marks.read(seen.series);
  return seriesId === undefined ? undefined : { seriesId, value: seen!.value, level: seen!.level };
}

/** Series that were silent before a rule came here have been so since then. */
export function restoreSilences(engine: Engine, bound: BoundRule, silences: RuleState["silences"]): void {
  const atMs = engine.atMs();
  for (const { series, silentMs } of silences) {
    const id = bound.marks.read(series);
    if (id === undefined) continue;
    for (const probe of engine.probesOf(id)) {
      if (probe.instance.shared !== bound) continue;
      probe.seenAtMs = Math.min(probe.seenAtMs, atMs - silentMs);
      const { instance } = probe;
      instance.listenedAtMs = Math.min(instance.listenedAtMs, atMs - silentMs);
      engine.schedule(instance);
    }
  }
}

/** Of quiet instances only where silence itself is what the rule is about. */
function silencesOf({ rule, instances, marks }: BoundRule, atMs: number) {
  const isAbout = rule.condition.kind === "absence" || rule.noData === "fire";
  const silences: { readonly series: string; readonly silentMs: number }[] = [];
  for (const { probes, listenedAtMs, isOpen } of instances.values()) {
    if (!isOpen && !isAbout) continue;
    for (const { seriesId, seenAtMs } of probes) {
      const silentMs = atMs - Math.max(seenAtMs, listenedAtMs);
      if (silentMs >= SILENCE_MS_MIN) silences.push({ series: String(marks.written(seriesId)), silentMs });
    }
  }
  return silences;
}
