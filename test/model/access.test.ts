/** Which scope is within another. */
import { describe, expect, test } from "bun:test";
import { isWithin, scopeOf, type ScopePatterns } from "../../src/model/access.ts";
import { randomOf } from "../support/random.ts";

const scope = (patterns: Partial<ScopePatterns>) => scopeOf({ sources: [], devices: [], sites: [], ...patterns });

describe("a scope within another", () => {
  test("is what its patterns show", () => {
    const within = (inner: Partial<ScopePatterns>, outer: Partial<ScopePatterns>) =>
      isWithin(scope(inner), scope(outer));
    expect(within({ sites: ["berlin"] }, { sites: ["ber*"] })).toBe(true);
    expect(within({ sites: ["ber*"] }, { sites: ["ber*", "x"] })).toBe(true);
    expect(within({ sites: ["berl*"] }, { sites: ["ber*"] })).toBe(false);
    expect(within({ sites: ["berlin"] }, { sources: ["gw"] })).toBe(false);
    expect(within({ sites: ["berlin"], sources: ["gw"] }, { sources: ["gw"] })).toBe(true);
    expect(within({}, { sources: ["*"] })).toBe(false);
    expect(within({ sites: ["berlin"] }, {})).toBe(true);
  });

  for (let seed = 1; seed <= 4; seed++) {
    test(`takes nothing that the other does not (seed ${seed})`, () => {
      const random = randomOf(seed);
      const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
      const texts = ["a", "b", "ab", "a*", "*b", "?", "a|b"];
      const some = () => texts.filter(() => random() < 0.2);
      let withins = 0;
      for (let step = 0; step < 2_000; step++) {
        const [inner, outer] = [1, 2].map(() => scope({ sources: some(), devices: some(), sites: some() }));
        if (!isWithin(inner, outer)) continue;
        withins++;
        const place = { source: any(["a", "b", "ab"]), device: any(["a", "b", "ab"]), site: any(["a", "b", "ab", ""]) };
        if (inner.takes(place)) expect(outer.takes(place)).toBe(true);
      }
      expect(withins).toBeGreaterThan(50);
    });
  }
});
