/** Evaluates rules for the desk of another node: does as that orders, and reports what comes of it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type {
  EvaluationOrder,
  EvaluationReportSchema,
  EvaluationReportsSchema,
  InstancePlace,
  LentRule,
  LentStates,
} from "../../wire/gen/evaluation_pb.ts";
import { stateText } from "../alert-documents.ts";
import type { BoundRule } from "../bound-rule.ts";
import { Engine } from "../engine.ts";
import type { InstanceListener } from "../instance-listener.ts";
import type { Instance } from "../instance.ts";
import { ruleFromJson } from "../rule-text.ts";
import { SeasonalProfiles, type HourlyHistory } from "../seasonal-profiles.ts";
import type { SeriesMarks } from "../series-marks.ts";
import type { History } from "../warm-up.ts";
import { seriesOfRule } from "../series-of-rule.ts";
import { FrameIntake } from "./frame-intake.ts";
import { openInstance } from "./lent-instance.ts";
import { PART_CHARS, partsOf, restoreStates, ruleStateOf, seenBy } from "./rule-states.ts";
import { takeRules, type TakeRulesDeps } from "./take-rules.ts";

type Reports = MessageInitShape<typeof EvaluationReportsSchema>;
type Report = MessageInitShape<typeof EvaluationReportSchema>;

export interface EvaluatorDeps {
  readonly registry: SeriesRegistry;
  readonly marks: SeriesMarks;
  /** Frames of all nodes, as far as somebody here wants them. */
  readonly bus: Bus;
  readonly clock: Clock;
  readonly history: History & HourlyHistory;
  readonly latestOf: TakeRulesDeps["latestOf"];
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  /** What it matches is to come over the bus, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
  send(reports: Reports): void;
  onTrouble(sentence: string): void;
}

/** After so long other nodes know what is wanted here, and have sent it. */
export const WANTED_AFTER_MS = 500;
/** Prepared rules that nobody wants evaluated are let go. */
const PREPARED_MS_MAX = 10_000;
const BEAT_MS = 1_000;
/** Samples of instances that fire, told again where they have changed: so many of them a second. */
const MET_A_BEAT_MAX = 1_000;
/** What a report takes beside its texts, about. */
const REPORT_CHARS = 100;

export class Evaluator {
  readonly #deps: EvaluatorDeps;
  readonly #engine: Engine;
  readonly #intake: FrameIntake;
  readonly #profiles: SeasonalProfiles;
  readonly #unwant = new Map<string, () => void>();
  readonly #unsubscribe: () => void;
  #turn: Promise<void> = Promise.resolve();
  #seen = 0n;
  #reports: Report[] = [];
  /** Of the prepared rules, which wait for states. */
  #letFramesIn: (() => void) | undefined;
  #prepared: BoundRule[] = [];
  #cancelPrepared = () => {};
  /** Parts of how they stand. */
  #states: LentStates["rules"] = [];
  /** Points of their series that came last before that. */
  readonly #newest = new Map<number, ReturnType<TakeRulesDeps["latestOf"]>>();
  /** Values that were told last, of instances that fire. */
  readonly #met = new WeakMap<Instance, number>();
  #metAt = 0;
  #cancelBeat = () => {};
  #isClosed = false;

  constructor(deps: EvaluatorDeps) {
    this.#deps = deps;
    const { bus, history } = deps;
    this.#profiles = new SeasonalProfiles(history);
    const listener: InstanceListener = {
      onChange: (instance, change, reason) => this.#report(instance, changeOf(this.#engine, instance, change, reason)),
      onGone: (instance) => this.#report(instance, { case: "gone", value: {} }),
      onLate: (instance, { seriesId }, { fromUs, toUs, level, value }) => {
        const lead = { series: String(deps.marks.written(seriesId)), value, level };
        this.#report(instance, { case: "late", value: { lead, fromUs, toUs } });
      },
    };
    this.#engine = new Engine({ ...deps, listener, profiles: this.#profiles, newestArrivalMs: NaN });
    this.#intake = new FrameIntake({ ...deps, engine: this.#engine });
    this.#unsubscribe = bus.subscribe((frame) => this.#intake.take(frame));
    this.#beatLater();
  }

  /** Carried out one after the other. */
  take(order: EvaluationOrder): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#isClosed) return;
      try {
        // What was reported so far is of before it.
        this.#send();
        await this.#carryOut(order);
      } catch (error) {
        this.#deps.onTrouble(`an order about rules cannot be carried out: ${messageOf(error)}`);
      }
      this.#seen = order.number;
      this.#send(true);
    });
  }

  /** While points are refused nobody can be heard, and nobody is silent. */
  setHearing(isHearing: boolean, reason: string): void {
    this.#engine.setHearing(isHearing, reason);
  }

  get engine(): Pick<Engine, "rules" | "counts"> {
    return this.#engine;
  }

  /** Evaluates nothing more. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancelBeat();
    this.#cancelPrepared();
    this.#unsubscribe();
    this.#intake.close();
    this.#engine.close();
    for (const unwant of this.#unwant.values()) unwant();
    this.#unwant.clear();
  }

  async #carryOut({ number, order }: EvaluationOrder): Promise<void> {
    switch (order.case) {
      case "prepare":
        return this.#prepare(order.value.rules, number);
      case "evaluate":
        this.#states.push(...order.value.rules);
        this.#cancelPrepared();
        if (order.value.more) return this.#dropPreparedLate();
        return this.#evaluate(this.#states.splice(0));
      case "end":
        return this.#end(order.value.names, number);
      case "change": {
        const rule = ruleFromJson(order.value.rule);
        const bound = this.#engine.rules.get(rule.name);
        if (bound !== undefined) bound.rule = rule;
        return;
      }
      case "reset":
        return this.#reset(order.value, number);
    }
  }

  async #prepare(rules: readonly LentRule[], number: bigint): Promise<void> {
    this.#dropPrepared(() => true);
    for (const { rule: text, sinceMs } of rules) {
      try {
        const rule = ruleFromJson(text);
        this.#drop(rule.name);
        const bound = this.#engine.addLent(rule, sinceMs);
        this.#prepared.push(bound);
        this.#unwant.set(rule.name, this.#deps.want(bound.matcher));
      } catch (error) {
        // Another version may know more.
        this.#deps.onTrouble(`a rule is not evaluated here: ${messageOf(error)}`);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#deps.clock.after(WANTED_AFTER_MS, resolve);
    await promise;
    if (this.#isClosed) return;
    this.#letFramesIn = this.#intake.hold();
    this.#dropPreparedLate();
    this.#seen = number;
    // What comes from now on is held back, and still to be evaluated.
    this.#newest.clear();
    for (const bound of this.#prepared) {
      for (const id of seriesOfRule(bound, this.#deps.registry)) this.#newest.set(id, this.#deps.latestOf(id));
    }
    this.#reports.push({ report: { case: "prepared", value: { names: this.#prepared.map(({ rule }) => rule.name) } } });
  }

  /** All rules here wait for what becomes of them. */
  #dropPreparedLate(): void {
    this.#cancelPrepared();
    this.#cancelPrepared = this.#deps.clock.after(PREPARED_MS_MAX, () => this.#dropPrepared(() => true));
  }

  async #evaluate(states: LentStates["rules"]): Promise<void> {
    const wanted = new Set(states.map(({ rule }) => rule));
    const rules = this.#prepared.filter(({ rule }) => wanted.has(rule.name));
    this.#prepared = this.#prepared.filter(({ rule }) => !wanted.has(rule.name));
    restoreStates(this.#engine, this.#deps.clock, states, this.#deps.onTrouble);
    const latestOf = (seriesId: number) => this.#newest.get(seriesId);
    await takeRules(rules, states, { ...this.#deps, latestOf, engine: this.#engine, profiles: this.#profiles });
    this.#newest.clear();
    this.#dropPrepared(() => true);
  }

  #end(names: readonly string[], number: bigint): void {
    const atMs = this.#engine.atMs();
    const ended = names.flatMap((name) => this.#engine.rules.get(name) ?? []).filter(({ isLent }) => !isLent);
    const states = ended.map((bound) => ruleStateOf(bound, atMs));
    for (const name of names) this.#drop(name);
    this.#seen = number;
    this.#dropPrepared(({ rule }) => names.includes(rule.name));
    for (const value of partsOf(states)) this.#reports.push({ report: { case: "ended", value } });
  }

  /** What that leaves is told: series of a group that met the condition count no more until they are heard again. */
  #reset({ rule, key }: InstancePlace, number: bigint): void {
    const bound = this.#engine.rules.get(rule);
    const instance = bound && openInstance(bound, key);
    if (instance === undefined) return;
    this.#engine.reset(instance);
    this.#seen = number;
    if (instance.isOpen) this.#report(instance, changeOf(this.#engine, instance, "moved", "resolved"));
  }

  #drop(name: string): void {
    this.#engine.remove(name);
    this.#unwant.get(name)?.();
    this.#unwant.delete(name);
  }

  #dropPrepared(isOver: (bound: BoundRule) => boolean): void {
    for (const bound of this.#prepared) if (isOver(bound)) this.#drop(bound.rule.name);
    this.#prepared = this.#prepared.filter((bound) => !isOver(bound));
    if (this.#prepared.length > 0) return;
    this.#cancelPrepared();
    this.#states = [];
    this.#letFramesIn?.();
    this.#letFramesIn = undefined;
  }

  #report(instance: Instance, report: NonNullable<Report["report"]>): void {
    if (this.#isClosed) return;
    this.#reports.push({ rule: instance.rule.name, key: instance.key, report });
    if (this.#reports.length === 1) queueMicrotask(() => this.#send());
  }

  #send(isBeat = false): void {
    if (this.#isClosed || (this.#reports.length === 0 && !isBeat)) return;
    const reports = this.#reports;
    this.#reports = [];
    for (let from = 0; from < reports.length || from === 0;) {
      let to = from;
      for (let chars = 0; to < reports.length && chars < PART_CHARS; to++) chars += charsOf(reports[to]);
      this.#deps.send({ seenOrder: this.#seen, reports: reports.slice(from, to) });
      if (to === reports.length) return;
      from = to;
    }
  }

  #beatLater(): void {
    this.#cancelBeat = this.#deps.clock.after(BEAT_MS, () => {
      this.#tellMet();
      this.#send(true);
      this.#beatLater();
    });
  }

  /** A part of the rules a beat, in turn, where too many fire. */
  #tellMet(): void {
    const rules = [...this.#engine.rules.values()];
    let left = MET_A_BEAT_MAX;
    for (let i = 0; i < rules.length && left > 0; i++) {
      const { instances } = rules[this.#metAt++ % rules.length];
      for (const instance of instances.values()) {
        const seen = instance.lifecycle.shown > 0 ? seenBy(instance) : undefined;
        if (seen === undefined || seen.level === 0 || Object.is(this.#met.get(instance), seen.value)) continue;
        this.#met.set(instance, seen.value);
        this.#report(instance, { case: "met", value: seen });
        left--;
      }
    }
  }
}

/** About; parts of how rules stand go each in a message of its own. */
function charsOf({ key = "", report }: Report): number {
  if (report?.case === "ended") return PART_CHARS;
  return REPORT_CHARS + key.length + (report?.case === "change" ? report.value.state!.length : 0);
}

function changeOf(engine: Engine, instance: Instance, change: string, reason: string): NonNullable<Report["report"]> {
  const lead = seenBy(instance);
  const state = stateText(instance.save(engine.atMs()));
  return { case: "change", value: { change, reason, state, ...(lead && { lead }) } };
}
