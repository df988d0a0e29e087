/** Queries of whoever asks for many at once, or for much: each is charged its share of the time they take together. */
import { expect, test } from "bun:test";
import { Limits, type LimitSettings } from "../../src/access/limits.ts";
import { LimitedRanges } from "../../src/dashboard/limited-ranges.ts";
import type { RangeQuery, RangeResult } from "../../src/store/store-client.ts";
import { UNLIMITED } from "../access/rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { turns } from "../ingestion/rig.ts";

const QUERY = {} as RangeQuery;

/** Queries wait until they are answered, or fail. */
function open(settings: Partial<LimitSettings>) {
  const clock = new ManualClock();
  const waiting: PromiseWithResolvers<RangeResult>[] = [];
  const limits = new Limits({ settings: { ...UNLIMITED, ...settings }, clock, onLimited: () => {} });
  const range = () => {
    waiting.push(Promise.withResolvers());
    return waiting.at(-1)!.promise;
  };
  const ranges = new LimitedRanges({ range }, clock);
  const ask = (name: string) => ranges.of(limits.allowanceOf({ isAuthenticated: true, name }, "")).range(QUERY);
  return { clock, waiting, ask };
}

test("are so many at once, and a place is free again once one is answered or has failed", async () => {
  const { waiting, ask } = open({ queries: 2 });
  const [first, second] = [ask("ann"), ask("ann")];
  await expect(ask("ann")).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: '"ann" has as many queries under way as it may have (limits.queries is 2); try again in 1s',
  });
  void ask("bob");
  waiting[0].resolve({} as RangeResult);
  waiting[1].reject(new Error("left"));
  await first;
  await expect(second).rejects.toThrow("left");
  void ask("ann");
  void ask("ann");
  await expect(ask("ann")).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
});

test("share the time of those under way, also where they fail", async () => {
  const { clock, waiting, ask } = open({ query_seconds_per_minute: 10 });
  const [ann, bob] = [ask("ann"), ask("bob")];
  // Six seconds each of the twelve that both take.
  clock.advance(12_000);
  waiting[1].reject(new Error("left"));
  await expect(bob).rejects.toThrow("left");
  clock.advance(3_000);
  waiting[0].resolve({} as RangeResult);
  await ann;
  await turns();
  // Ann has used nine of ten seconds, and Bob six; both get some back while the last ones take eight, four for each.
  void ask("ann");
  void ask("bob");
  clock.advance(8_000);
  for (const { resolve } of waiting.slice(2)) resolve({} as RangeResult);
  await turns();
  await expect(ask("ann")).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: expect.stringContaining('"ann" asks for more than it may (limits.query_seconds_per_minute is 10)'),
  });
  void ask("bob");
  expect(waiting).toHaveLength(5);
});

test("cost nothing where nobody is limited", () => {
  const store = { range: async () => ({}) as RangeResult };
  expect(new LimitedRanges(store, new ManualClock()).of(undefined)).toBe(store);
});
