/**
 * The rules of the desk, spread over the nodes that offer to evaluate some. Each is evaluated by one of them at a time: what a node
 * says of a rule that it does not hold is not heard. Rules of nodes that are gone come back with what was heard of them last.
 */
import { messageOf } from "../../model/errors.ts";
import type { Frame } from "../../model/frame.ts";
import { Serial } from "../../model/serial.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { EvaluationReport, EvaluationReports, LentStates } from "../../wire/gen/evaluation_pb.ts";
import type { AlertBook } from "../alert-book.ts";
import type { BoundRule } from "../bound-rule.ts";
import type { Change, ClearedReason } from "../instance-listener.ts";
import type { Instance } from "../instance.ts";
import type { Rule } from "../rule.ts";
import { ruleToJson } from "../rule-text.ts";
import { isOfSeries, seriesOfRule } from "../series-of-rule.ts";
import { EvaluatingNode, type HeldBy } from "./evaluating-node.ts";
import type { FrameIntake } from "./frame-intake.ts";
import { RuleHolders } from "./rule-holder.ts";
import type { RuleWants } from "./rule-wants.ts";
import { lentInstance, report as reported, reportedLead } from "./lent-instance.ts";
import { partsOf, restoreStates, ruleStateOf, sampleOf, savedOf } from "./rule-states.ts";
import { takeRules, type TakeRulesDeps } from "./take-rules.ts";

export interface SpreadRulesDeps extends TakeRulesDeps {
  readonly book: Pick<AlertBook, "onChange" | "onLate" | "end">;
  readonly intake: Pick<FrameIntake, "hold">;
  readonly wants: Pick<RuleWants, "ahead" | "changed">;
  /** What came to any node after a time, of some series. Never rejects. */
  cameSince(seriesIds: Iterable<number>, afterMs: number): Promise<readonly Frame[]>;
  readonly registry: SeriesRegistry;
  /** Of the node that has the desk. */
  readonly nodeId: string;
  /** Something was evaluated. */
  onEvaluated(): void;
  onTrouble(sentence: string): void;
  onNotice(sentence: string): void;
}

/** A node that has said nothing for so long is gone. */
const SILENT_MS = 4_000;
/** Nodes that start together are given rules together. */
const JOINED_AFTER_MS = 1_000;
/** Of so many rules in one order. */
const LENT_AT_ONCE = 1_000;
const RETRY_MS = 1_000;
const LOOK_MS = 1_000;
const CHANGES: ReadonlySet<string> = new Set<Change>([
  ...(["pending", "moved", "cancelled", "fired", "rose", "fell", "keeping", "resumed", "cleared"] as const),
  ...(["stale", "heard"] as const),
]);

export class SpreadRules {
  readonly #deps: SpreadRulesDeps;
  readonly #nodes = new Map<string, EvaluatingNode>();
  readonly #holders = new Map<BoundRule, { readonly node: EvaluatingNode; rule: Rule }>();
  readonly #homes = new RuleHolders();
  /** Resolves when a node has left: rules that it had go before what others are to be given. */
  #lostOne = Promise.withResolvers<undefined>();
  #settling: Promise<void> | undefined;
  /** Rules come back here one after the other. */
  readonly #taking = new Serial();
  #isAgain = false;
  #cancelJoined = () => {};
  #cancelLook = () => {};
  #isClosed = false;

  constructor(deps: SpreadRulesDeps) {
    this.#deps = deps;
    this.#lookLater();
  }

  /** How many rules each node has that is not this one. */
  get held(): ReadonlyMap<string, number> {
    const held = new Map(Array.from(this.#nodes.keys(), (id) => [id, 0]));
    for (const { node } of this.#holders.values()) held.set(node.nodeId, (held.get(node.nodeId) ?? 0) + 1);
    return held;
  }

  /** A node offers to evaluate rules; one that comes again takes the place of what it was. */
  join(node: HeldBy): { hear(reports: EvaluationReports): void; leave(): void } {
    const { clock } = this.#deps;
    const before = this.#nodes.get(node.nodeId);
    if (before !== undefined) this.#leave(before);
    const joined = new EvaluatingNode(node, clock);
    if (this.#isClosed) node.end();
    else this.#nodes.set(node.nodeId, joined);
    this.#homes.clear();
    this.#cancelJoined();
    this.#cancelJoined = clock.after(JOINED_AFTER_MS, () => this.changed());
    return { hear: (reports) => this.#hear(joined, reports), leave: () => this.#leave(joined) };
  }

  /** Rules are others, or say something else. */
  changed(): void {
    if (this.#isClosed) return;
    this.#isAgain = true;
    this.#settling ??= this.#settle();
  }

  /** The condition of an instance must hold anew. */
  reset(instance: Instance): void {
    const { engine } = this.#deps;
    const bound = engine.rules.get(instance.rule.name);
    const holder = bound && this.#holders.get(bound);
    if (!bound?.isLent || holder === undefined) return engine.reset(instance);
    instance.reset(engine.atMs());
    if (!instance.isOpen) bound.instances.delete(instance.place);
    holder.node.reset(instance.rule.name, instance.key);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelJoined();
    this.#cancelLook();
    for (const node of [...this.#nodes.values()]) this.#leave(node);
  }

  #leave(node: EvaluatingNode): void {
    if (this.#nodes.get(node.nodeId) === node) this.#nodes.delete(node.nodeId);
    this.#homes.clear();
    node.leave();
    this.#lostOne.resolve(undefined);
    this.#lostOne = Promise.withResolvers();
    this.changed();
  }

  #lookLater(): void {
    const { clock, onNotice } = this.#deps;
    const dueMs = clock.monotonicMs() + LOOK_MS;
    this.#cancelLook = clock.after(LOOK_MS, () => {
      this.#lookLater();
      // What was said meanwhile is not read yet, where this node itself stood still.
      if (clock.monotonicMs() > dueMs + LOOK_MS) return;
      for (const node of [...this.#nodes.values()]) {
        if (clock.monotonicMs() - node.heardAtMs <= SILENT_MS) continue;
        onNotice(
          `node ${node.nodeId} evaluates rules and has said nothing for ${SILENT_MS / 1_000} s: others take them`,
        );
        this.#leave(node);
      }
    });
  }

  async #settle(): Promise<void> {
    while (this.#isAgain && !this.#isClosed) {
      this.#isAgain = false;
      try {
        this.#tellChanges();
        await this.#takeLost();
        for (const node of this.#nodes.values()) void this.#attend(node);
      } catch (error) {
        const { clock, onTrouble } = this.#deps;
        onTrouble(`rules cannot be spread over nodes: ${messageOf(error)}`);
        clock.after(RETRY_MS, () => this.changed());
      }
    }
    this.#settling = undefined;
  }

  /** One that is slow holds up nobody but those rules that it has. */
  async #attend(node: EvaluatingNode): Promise<void> {
    if (node.isBusy) return void (node.isAgain = true);
    node.isBusy = true;
    try {
      // What it gives back another one may be given.
      if (await this.#recall(node)) this.changed();
      await this.#lend(node);
    } catch (error) {
      this.#deps.onTrouble(`rules cannot be spread over nodes: ${messageOf(error)}`);
      this.#deps.clock.after(RETRY_MS, () => this.changed());
    }
    node.isBusy = false;
    if (!node.isAgain || this.#isClosed) return;
    node.isAgain = false;
    // It alone: two that attended to each other would never end.
    void this.#attend(node);
  }

  /** What is no rule any more ends where it is; what says something else says it there. */
  #tellChanges(): void {
    const { rules } = this.#deps.engine;
    for (const [bound, holder] of this.#holders) {
      const { node, rule } = holder;
      if (rules.get(rule.name) !== bound) {
        this.#holders.delete(bound);
        node.order({ case: "end", value: { names: [rule.name] } });
      } else if (bound.rule !== rule) {
        holder.rule = bound.rule;
        node.order({ case: "change", value: { rule: ruleToJson(bound.rule), sinceMs: bound.sinceMs } });
      }
    }
  }

  #isThere(node: EvaluatingNode): boolean {
    return this.#nodes.get(node.nodeId) === node;
  }

  #lost(): BoundRule[] {
    return [...this.#holders].flatMap(([bound, { node }]) => (this.#isThere(node) ? [] : [bound]));
  }

  #belongsTo(nodeId: string): BoundRule[] {
    const rules = [...this.#deps.engine.rules.values()].filter(({ rule }) => isOfSeries(rule) && !rule.isDisabled);
    const nodes = [this.#deps.nodeId, ...this.#nodes.keys()];
    return rules.filter(({ rule }) => this.#homes.of(rule.name, nodes) === nodeId);
  }

  /** Rules that it holds and another one should; returns whether it has given some back. */
  async #recall(node: EvaluatingNode): Promise<boolean> {
    const own = new Set(this.#belongsTo(node.nodeId));
    const others = [...this.#holders].flatMap(([bound, held]) =>
      held.node === node && !own.has(bound) ? [bound] : [],
    );
    if (others.length === 0) return false;
    const release = await this.#deps.wants.ahead(others);
    try {
      node.order({ case: "end", value: { names: others.map(({ rule }) => rule.name) } });
      const answer = await this.#answer(node);
      // One that has left is lost with all its rules.
      if (answer?.case !== "ended") return false;
      await this.#takeBack(node, others, answer.value.rules);
      return true;
    } finally {
      release();
    }
  }

  /** Rules that nobody else holds and it should. */
  async #lend(node: EvaluatingNode): Promise<void> {
    const { engine } = this.#deps;
    const all = this.#belongsTo(node.nodeId).filter((bound) => !this.#holders.has(bound));
    const rules = all.slice(0, LENT_AT_ONCE);
    if (rules.length < all.length) node.isAgain = true;
    if (rules.length === 0 || !this.#isThere(node)) return;
    const texts = rules.map(({ rule, sinceMs }) => ({ rule: ruleToJson(rule), sinceMs }));
    const told = new Map(rules.map((bound) => [bound, bound.rule]));
    node.order({ case: "prepare", value: { rules: texts } });
    const answer = await this.#answer(node, this.#lostOne.promise);
    if (answer?.case !== "prepared") {
      // It waits with all that comes until it is told what becomes of them.
      if (this.#isThere(node)) node.order({ case: "evaluate", value: { rules: [] } });
      return;
    }
    const ready = new Set(answer.value.names);
    const isStill = (bound: BoundRule) => engine.rules.get(bound.rule.name) === bound && !this.#holders.has(bound);
    const still = rules.filter((bound) => ready.has(bound.rule.name) && isStill(bound));
    const atMs = engine.atMs();
    const states = still.map((bound) => ruleStateOf(bound, atMs));
    for (const bound of still) {
      engine.lend(bound);
      this.#holders.set(bound, { node, rule: told.get(bound)! });
    }
    this.#deps.wants.changed();
    for (const value of partsOf(states)) node.order({ case: "evaluate", value });
    if (still.some((bound) => bound.rule !== told.get(bound))) this.changed();
  }

  /** Of nodes that have gone: what came since they said something for the last time is evaluated here. */
  async #takeLost(): Promise<void> {
    const { clock, intake, wants, registry, cameSince } = this.#deps;
    if (this.#lost().length === 0) return;
    const release = await wants.ahead(this.#lost());
    const letIn = intake.hold();
    try {
      const lost = this.#lost();
      if (lost.length === 0) return;
      const heardAtMs = Math.min(...lost.map((bound) => this.#holders.get(bound)!.node.heardAtMs));
      const untilMs = clock.nowMs() - (clock.monotonicMs() - heardAtMs);
      const frames = await cameSince(new Set(lost.flatMap((bound) => seriesOfRule(bound, registry))), untilMs);
      await this.#takeBack(undefined, lost, [], { untilMs, framesAfter: () => frames });
    } finally {
      letIn();
      release();
    }
  }

  /** They are evaluated here from now on, where it is still `node` that holds them; left out: one that is gone. */
  async #takeBack(
    node: EvaluatingNode | undefined,
    rules: readonly BoundRule[],
    states: LentStates["rules"],
    evaluated?: Parameters<typeof takeRules>[3],
  ): Promise<void> {
    const { intake } = this.#deps;
    // Nobody evaluates what comes from now on.
    const letIn = intake.hold();
    try {
      await this.#taking.run("", () => this.#takeNow(node, rules, states, evaluated));
    } finally {
      letIn();
    }
  }

  async #takeNow(
    node: EvaluatingNode | undefined,
    wanted: readonly BoundRule[],
    states: LentStates["rules"],
    evaluated?: Parameters<typeof takeRules>[3],
  ): Promise<void> {
    const { engine, clock, onTrouble } = this.#deps;
    const rules = wanted.filter((bound) => {
      const holder = this.#holders.get(bound)?.node;
      return holder !== undefined && (node === undefined ? !this.#isThere(holder) : holder === node);
    });
    if (rules.length === 0 || this.#isClosed) return;
    restoreStates(engine, clock, states, onTrouble);
    for (const bound of rules) this.#holders.delete(bound);
    const still = rules.filter((bound) => engine.rules.get(bound.rule.name) === bound);
    await takeRules(still, states, this.#deps, evaluated);
  }

  /** Undefined: the node has left, or does not answer and is sent away, or `unless` came before. */
  async #answer(node: EvaluatingNode, unless?: Promise<undefined>): Promise<EvaluationReport["report"] | undefined> {
    return this.#isThere(node) ? node.answer(() => this.#leave(node), unless) : undefined;
  }

  #hear(node: EvaluatingNode, { seenOrder, reports }: EvaluationReports): void {
    if (!this.#isThere(node)) return;
    const seen = Number(seenOrder);
    for (const each of reports) {
      try {
        this.#hearOne(node, each, seen);
      } catch (error) {
        this.#deps.onTrouble(`what node ${node.nodeId} says of rule ${JSON.stringify(each.rule)}: ${messageOf(error)}`);
      }
    }
    node.saw(seen);
    if (this.#holders.size > 0) this.#deps.onEvaluated();
  }

  #hearOne(node: EvaluatingNode, { rule, key, report }: EvaluationReport, seen: number): void {
    if (node.hearAnswer(report, seen)) return;
    const { engine, book, clock } = this.#deps;
    const bound = engine.rules.get(rule);
    if (bound === undefined || this.#holders.get(bound)?.node !== node) return;
    if (node.isOfBefore(rule, key, seen) && (report.case === "change" || report.case === "met")) return;
    // Deleted series are known here, too; what it was about would be made known again.
    if (report.case === "gone" && bound.rule.groupBy === undefined) return;
    const now = { nowMs: clock.nowMs(), atMs: engine.atMs() };
    const instance = lentInstance(bound, key, now);
    if (instance === undefined) return;
    switch (report.case) {
      case "change": {
        const { change, reason, state, lead } = report.value;
        if (!CHANGES.has(change)) throw new TypeError(`there is no change ${JSON.stringify(change)}`);
        const because: ClearedReason = reason === "no_data" ? "no_data" : "resolved";
        reported(instance, bound, savedOf(state), sampleOf(lead, bound), now);
        // One that it lost the state of begins anew there, and is the same here.
        const isSame = change === "fired" && instance.alertId !== null;
        return book.onChange(instance, isSame ? "rose" : (change as Change), because);
      }
      case "met": {
        const met = sampleOf(report.value, bound);
        if (met !== undefined) instance.lead = reportedLead(instance, met, instance.lead?.gapMs ?? 0);
        return;
      }
      case "late": {
        const { lead, fromUs, toUs } = report.value;
        const met = sampleOf(lead, bound);
        if (met === undefined) return;
        const { level, value } = met;
        return book.onLate(instance, reportedLead(instance, met, 0), { fromUs, toUs, level, value });
      }
      case "gone": {
        bound.instances.delete(instance.place);
        book.end(instance, "series_deleted");
      }
    }
  }
}
