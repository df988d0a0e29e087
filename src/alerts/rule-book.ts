/** The rules in force: put, changed and deleted one after the other, each written down before it counts. */
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { AlertBook } from "./alert-book.ts";
import type { ClearedBecause } from "./alert.ts";
import type { BoundRule } from "./bound-rule.ts";
import type { Engine } from "./engine.ts";
import { checkPolicy } from "./known-policy.ts";
import { conditionKey, ruleToJson } from "./rule-text.ts";
import type { Rule } from "./rule.ts";

export const RULES = "rules";
export const RULE_EVENT = "rule";
const RULES_MAX = 100_000;

/** `sinceMs`: what came before that is not for it. */
export interface DatedRule {
  readonly rule: Rule;
  readonly sinceMs: number;
}

export interface RuleJournal {
  append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
}

export interface RuleBookDeps {
  readonly engine: Engine;
  readonly book: AlertBook;
  readonly journal: RuleJournal;
  nowMs(): number;
  /** Names of the escalation policies there are. */
  policies(): readonly string[];
  /** To be written with a rule: what came before it is not for it. */
  beat(): DocumentChange[];
  /** Finds out what is not known of series that a rule is new to. */
  learn(seriesIds: Uint32Array): Promise<void>;
  /** Rules in force are others, or say something else. */
  changed(): void;
}

export class RuleBook {
  readonly #deps: RuleBookDeps;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: RuleBookDeps) {
    this.#deps = deps;
  }

  get(name: string): BoundRule | undefined {
    return this.#deps.engine.rules.get(name);
  }

  all(): BoundRule[] {
    return [...this.#deps.engine.rules.values()].sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1));
  }

  /** Whether any rule that is in force has something opened. */
  get isOpening(): boolean {
    for (const { rule } of this.#deps.engine.rules.values()) if (rule.opens.length > 0 && !rule.isDisabled) return true;
    return false;
  }

  /** Of rules put by calls. */
  namesOfCalls(): string[] {
    return this.all().flatMap(({ rule }) => (rule.isFromFile ? [] : [rule.name]));
  }

  /**
   * Resolves with whether it is new. A change of what it is about ends its alerts. FAILED_PRECONDITION for one from a file,
   * INVALID_ARGUMENT where there is no such escalation policy.
   */
  put(rule: Rule, actor: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const { engine } = this.#deps;
      const standing = engine.rules.get(rule.name)?.rule;
      if (standing?.isFromFile) throw ofFile(rule.name);
      checkPolicy(rule, this.#deps.policies());
      if (standing === undefined && engine.rules.size >= RULES_MAX) {
        throw new WatchpostError("RESOURCE_EXHAUSTED", `there are ${RULES_MAX} rules already: delete some first`);
      }
      const text = ruleToJson(rule);
      const isSame = standing !== undefined && isAboutTheSame(standing, rule);
      const sinceMs = isSame ? engine.rules.get(rule.name)!.sinceMs : this.#deps.nowMs();
      const change = standing === undefined ? "created" : "changed";
      await this.#write(rule.name, actor, { change, rule: text }, { sort: sinceMs, value: text });
      this.enforce([{ rule, sinceMs }]);
      this.#learn([rule]);
      return standing === undefined;
    });
  }

  /** Resolves with how many alerts it ended. NOT_FOUND, or FAILED_PRECONDITION for one from a file. */
  delete(name: string, actor: string): Promise<number> {
    return this.#inTurn(async () => {
      const standing = this.#deps.engine.rules.get(name)?.rule;
      if (standing === undefined) {
        throw new WatchpostError("NOT_FOUND", `there is no rule ${JSON.stringify(name)}`);
      }
      if (standing.isFromFile) throw ofFile(name);
      await this.#write(name, actor, { change: "deleted" }, { sort: 0, value: null });
      return this.withdraw(name, "rule_deleted");
    });
  }

  /** All rules of the file, in place of those it had before: in one step, or not at all. */
  replaceFileRules(rules: readonly Rule[]): Promise<void> {
    return this.#inTurn(async () => {
      // Where that cannot be written the new rules may come to judge points of the last seconds once more.
      await this.#deps.journal.append([], this.#deps.beat()).catch(() => {});
      this.takeFileRules(rules);
      this.#learn(rules);
    });
  }

  /** The same at the start, when nothing else is under way. */
  takeFileRules(rules: readonly Rule[]): void {
    const { engine } = this.#deps;
    for (const { name } of rules) {
      const standing = engine.rules.get(name)?.rule;
      if (standing !== undefined && !standing.isFromFile) {
        throw invalidField("rules", name, "a name that no rule put by a call has: delete that one, or rename this");
      }
    }
    const wanted = new Set(rules.map(({ name }) => name));
    for (const { rule } of this.all()) {
      if (rule.isFromFile && !wanted.has(rule.name)) this.withdraw(rule.name, "rule_deleted");
    }
    this.enforce(rules.map((rule) => ({ rule, sinceMs: -Infinity })));
  }

  /** Puts rules in force that are written down. Alerts go on where a rule is about the same. */
  enforce(rules: readonly DatedRule[]): void {
    const { engine } = this.#deps;
    const fresh: DatedRule[] = [];
    for (const dated of rules) {
      const { rule } = dated;
      const bound = engine.rules.get(rule.name);
      if (bound !== undefined && isAboutTheSame(bound.rule, rule)) bound.rule = rule;
      else {
        if (bound !== undefined) this.withdraw(rule.name, "rule_changed");
        fresh.push(dated);
      }
    }
    engine.add(fresh);
    this.#deps.changed();
  }

  /** Returns how many alerts it ended. */
  withdraw(name: string, because: ClearedBecause): number {
    const { engine, book } = this.#deps;
    const bound = engine.remove(name);
    let ended = 0;
    for (const instance of bound?.instances.values() ?? []) {
      if (book.alertOf(instance) !== undefined) ended++;
      book.end(instance, because);
    }
    this.#deps.changed();
    return ended;
  }

  /** In the background: nothing waits for it. */
  #learn(rules: readonly Rule[]): void {
    const ids = new Set<number>();
    for (const { name } of rules) {
      for (const { probes } of this.get(name)?.instances.values() ?? [])
        for (const { seriesId } of probes) ids.add(seriesId);
    }
    this.#deps.learn(Uint32Array.from(ids).sort()).catch(() => {});
  }

  async #write(
    name: string,
    actor: string,
    payload: object,
    stored: Pick<DocumentChange, "sort" | "value">,
  ): Promise<void> {
    const atMs = this.#deps.nowMs();
    const event = { atMs, kind: RULE_EVENT, subject: name, actor, payload: JSON.stringify(payload) };
    const document = { collection: RULES, key: name, ...stored };
    await this.#deps.journal.append([event], [document, ...this.#deps.beat()]);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function isAboutTheSame(a: Rule, b: Rule): boolean {
  return a.isDisabled === b.isDisabled && conditionKey(a) === conditionKey(b);
}

function ofFile(name: string): WatchpostError {
  return new WatchpostError(
    "FAILED_PRECONDITION",
    `the rule ${JSON.stringify(name)} comes from the rules file: change it there`,
  );
}
