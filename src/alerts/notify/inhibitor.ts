/** Which firing alerts hold back which others, by the rules of the configuration. */
import { compileMatchers, labelOf, type Labels, type LabelTest } from "./label-matcher.ts";
import type { InhibitionRule } from "./notify-config.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

interface CompiledRule {
  readonly isSource: LabelTest;
  readonly isTarget: LabelTest;
  readonly equal: readonly string[];
}

/** What an alert is to one rule. `key` names the rule and the values of its equal labels. */
interface Role {
  readonly key: string;
  readonly isSource: boolean;
  readonly isTarget: boolean;
}

/** Firing sources that have the same key. */
interface Sources {
  readonly oneSided: Set<string>;
  /** They are targets as well, and hold back only alerts that are no sources. */
  readonly twoSided: Set<string>;
}

export interface Inhibition {
  /** The id of an alert that inhibits. */
  readonly by: string;
  /** Told by {@link Inhibitor.remove} once nothing with this key inhibits any more. */
  readonly key: string;
}

export class Inhibitor {
  readonly #rules: readonly CompiledRule[];
  readonly #roles = new Map<string, readonly Role[]>();
  readonly #sources = new Map<string, Sources>();

  constructor(rules: readonly InhibitionRule[]) {
    this.#rules = rules.map(({ source, target, equal }) => {
      return { isSource: compileMatchers(source), isTarget: compileMatchers(target), equal };
    });
  }

  /** Takes an alert, with the labels that it has now. One that is there already has to be removed first. */
  add(alert: TrackedAlert): void {
    const roles = this.#rolesOf(alert.facts.labels);
    if (roles.length === 0) return;
    this.#roles.set(alert.id, roles);
    if (!isFiring(alert)) return;
    for (const { key, isSource, isTarget } of roles) {
      if (!isSource) continue;
      const { oneSided, twoSided } = this.#sourcesOf(key);
      (isTarget ? twoSided : oneSided).add(alert.id);
    }
  }

  /** Returns the keys of what it no longer holds back. */
  remove(id: string): string[] {
    const ended: string[] = [];
    for (const { key, isSource } of this.#roles.get(id) ?? []) {
      const sources = isSource ? this.#sources.get(key) : undefined;
      if (sources === undefined || !(sources.oneSided.delete(id) || sources.twoSided.delete(id))) continue;
      if (sources.oneSided.size === 0) ended.push(key);
      if (sources.oneSided.size + sources.twoSided.size === 0) this.#sources.delete(key);
    }
    this.#roles.delete(id);
    return ended;
  }

  /** Undefined where nothing does. An alert never inhibits itself, nor do two that are source and target each other. */
  inhibiting(id: string): Inhibition | undefined {
    return this.#holding(this.#roles.get(id) ?? []);
  }

  /** The same of an alert that is not there, with these labels. */
  wouldInhibit(labels: Labels): Inhibition | undefined {
    return this.#holding(this.#rolesOf(labels));
  }

  #holding(roles: readonly Role[]): Inhibition | undefined {
    for (const { key, isSource, isTarget } of roles) {
      const sources = isTarget ? this.#sources.get(key) : undefined;
      if (sources === undefined) continue;
      const by = firstOf(sources.oneSided) ?? (isSource ? undefined : firstOf(sources.twoSided));
      if (by !== undefined) return { by, key };
    }
    return undefined;
  }

  #rolesOf(labels: Labels): Role[] {
    const roles: Role[] = [];
    this.#rules.forEach(({ isSource, isTarget, equal }, i) => {
      const role = { isSource: isSource(labels), isTarget: isTarget(labels) };
      if (!role.isSource && !role.isTarget) return;
      roles.push({ key: JSON.stringify([i, ...equal.map((name) => labelOf(labels, name))]), ...role });
    });
    return roles;
  }

  #sourcesOf(key: string): Sources {
    let sources = this.#sources.get(key);
    if (sources === undefined) this.#sources.set(key, (sources = { oneSided: new Set(), twoSided: new Set() }));
    return sources;
  }
}

function firstOf(ids: ReadonlySet<string>): string | undefined {
  for (const id of ids) return id;
  return undefined;
}
