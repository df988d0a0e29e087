import { expect, test } from "bun:test";
import { isLiveRange, niceStepMs, planOf, requestOf, type ChartQuery } from "../../src/console/data/chart-query.ts";
import { localText, msOfLocalText } from "../../src/console/data/local-time.ts";
import { Turns } from "../../src/console/data/turns.ts";
import { Aggregation, RangeFunction } from "../../src/wire/gen/history_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const HOUR_MS = 3_600_000;
const queryOf = (lastMs: number, more: Partial<ChartQuery> = {}): ChartQuery => {
  return { metric: "m", filters: {}, range: { lastMs }, ...more };
};

test("up to an hour points are asked for as they are, of longer ranges steps with a band, unless something else is wanted", () => {
  expect(planOf(queryOf(HOUR_MS))).toEqual({ stepMs: 0, hasBand: false });
  expect(planOf(queryOf(7 * 24 * HOUR_MS))).toEqual({ stepMs: 600_000, hasBand: true });
  expect(planOf(queryOf(7 * 24 * HOUR_MS, { function: "max" })).hasBand).toBe(false);
  expect(planOf(queryOf(HOUR_MS, { band: true }))).toEqual({ stepMs: 5_000, hasBand: true });
  expect(planOf(queryOf(HOUR_MS, { groupBy: ["site"] }))).toEqual({ stepMs: 30_000, hasBand: false });
  expect(planOf(queryOf(HOUR_MS, { stepMs: 7_000 })).stepMs).toBe(7_000);
});

test("steps are the shortest usual ones that are not too many", () => {
  for (const days of [0.01, 0.5, 1, 3, 30, 365, 3_650]) {
    const lengthMs = days * 24 * HOUR_MS;
    expect(lengthMs / niceStepMs(lengthMs)).toBeLessThanOrEqual(1_010);
  }
});

test("a question asks for a range until now, from and to, or a part of it that was missed", () => {
  const query = queryOf(HOUR_MS, { function: "p95", aggregation: "max" });
  const plan = planOf(query);
  expect(requestOf(query, plan, query.function)).toMatchObject({
    ...{ lastMs: BigInt(HOUR_MS + plan.stepMs), stepMs: BigInt(plan.stepMs) },
    ...{ function: RangeFunction.P95, aggregation: Aggregation.MAX },
  });
  expect(requestOf(query, plan, query.function, { fromMs: 5_000 })).toMatchObject({ from: timestampOfMs(5_000) });
  const fixed = queryOf(0, { range: { fromMs: 10_000, toMs: 20_000 } });
  const [from, to] = [timestampOfMs(10_000), timestampOfMs(20_000)];
  expect(requestOf(fixed, planOf(fixed), undefined)).toMatchObject({ from, to, seriesMax: 50 });
  expect(requestOf(fixed, planOf(fixed), undefined, { isTop: true })).toMatchObject({ top: { count: 50 } });
  expect([isLiveRange(fixed.range, 19_000), isLiveRange(fixed.range, 20_000), isLiveRange(query.range, 0)]).toEqual([
    true,
    false,
    true,
  ]);
});

test("questions of a page take turns, also where some fail", async () => {
  const turns = new Turns(2);
  const asked: PromiseWithResolvers<void>[] = [];
  const ask = () => turns.run(() => (asked.push(Promise.withResolvers<void>()), asked.at(-1)!.promise));
  const answers = [ask(), ask(), ask(), ask()];
  const settled = Promise.allSettled(answers);
  await Bun.sleep(0);
  expect(asked).toHaveLength(2);
  asked[0].reject(new Error("no"));
  await Bun.sleep(0);
  expect(asked).toHaveLength(3);
  asked[1].resolve();
  await Bun.sleep(0);
  expect(asked).toHaveLength(4);
  asked.slice(2).forEach(({ resolve }) => resolve());
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
});

test("fields for times hold them in UTC where that was chosen", () => {
  expect([localText(1_000, true), msOfLocalText("1970-01-01T00:00:01", true)]).toEqual(["1970-01-01T00:00:01", 1_000]);
});
