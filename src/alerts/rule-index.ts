/** Finds the rules that a new series may be bound to without asking all of them. */
import { isGlob } from "../model/glob.ts";
import { valueInKey, type TagMatcher } from "../model/matcher.ts";
import type { Rule } from "./rule.ts";

/**
 * Each rule lies under one thing that its series must have: a value of a tag, or of source or device; else its metric. Only
 * rules that name neither are asked of every series.
 */
export class RuleIndex<T extends { readonly rule: Rule }> {
  /** By key, then by value. */
  readonly #byValue = new Map<string, Map<string, Set<T>>>();
  readonly #others = new Set<T>();

  add(item: T): void {
    const place = placeOf(item.rule);
    if (place === null) {
      this.#others.add(item);
      return;
    }
    let values = this.#byValue.get(place.key);
    if (values === undefined) this.#byValue.set(place.key, (values = new Map()));
    const items = values.get(place.value);
    if (items === undefined) values.set(place.value, new Set([item]));
    else items.add(item);
  }

  delete(item: T): void {
    const place = placeOf(item.rule);
    if (place === null) {
      this.#others.delete(item);
      return;
    }
    const values = this.#byValue.get(place.key);
    const items = values?.get(place.value);
    if (!items?.delete(item) || items.size > 0) return;
    values!.delete(place.value);
    if (values!.size === 0) this.#byValue.delete(place.key);
  }

  /** Calls `visit` with every rule that may match a series, and some that do not. */
  forSeries(seriesKey: string, visit: (item: T) => void): void {
    for (const [key, values] of this.#byValue) values.get(valueInKey(seriesKey, key))?.forEach(visit);
    this.#others.forEach(visit);
  }
}

function placeOf({ metric, matchers }: Rule): { readonly key: string; readonly value: string } | null {
  const exact = matchers.find(isExact);
  if (exact !== undefined) return exact;
  return isGlob(metric) ? null : { key: "metric", value: metric };
}

function isExact({ operator, value }: TagMatcher): boolean {
  return operator === "=" || (operator === "glob" && !isGlob(value));
}
