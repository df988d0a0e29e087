/** QueryRange: what it asks the store for, what it makes of the answer, and what it refuses. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { queryRange } from "../../src/dashboard/query-range.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import type { RangeQuery, RangeResult, StepColumns } from "../../src/store/store-client.ts";
import { MatchOperator, QueryRangeRequestSchema, RangeFunction } from "../../src/wire/gen/history_pb.ts";

const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
for (const [metric, source, site] of [
  ["b", "s", "north"],
  ["a", "t", "south"],
  ["a", "s", "south"],
  ["a", "s", "north"],
])
  registry.add(seriesKey(metric, source, [["site", site]]), source);

/** Answers two rows for every series asked but the first: its id, and its id and a half. */
async function ask(request: MessageInitShape<typeof QueryRangeRequestSchema>, wantsSteps = false) {
  const asked: RangeQuery[] = [];
  const range = async (query: RangeQuery): Promise<RangeResult> => {
    asked.push(query);
    const [, ...withRows] = query.seriesIds;
    const values = Float64Array.from(withRows.flatMap((id) => [id, id + 0.5]));
    const [counts, sums] = [values.map(() => 4), values.map((value) => value * 4)];
    const [firsts, lasts] = [values.map((value) => value + 10), values.map((value) => value + 20)];
    const [mins, maxs] = [values.map((value) => value - 100), values.map((value) => value + 100)];
    const steps: StepColumns = { counts, sums, firsts, lasts, mins, maxs };
    return {
      seriesIds: query.seriesIds,
      offsets: Uint32Array.from({ length: query.seriesIds.length + 1 }, (_, i) => Math.max(0, 2 * (i - 1))),
      timesUs: values.map((_, i) => 1_000_000 + i * 1_500),
      values: wantsSteps ? new Float64Array(0) : values,
      steps: wantsSteps ? steps : null,
    };
  };
  const message = create(QueryRangeRequestSchema, request);
  const answer = await queryRange(message, registry, { range }, new AbortController().signal);
  return { asked, answer };
}

const at = (seconds: number, nanos = 0) => ({ seconds: BigInt(seconds), nanos });

test("matchers narrow what is asked for; one without an operator is refused", async () => {
  const south = { key: "site", operator: MatchOperator.NOT_REGEX, value: "n.*" };
  const { asked } = await ask({ metric: "*", matchers: [south] });
  expect([...asked[0].seriesIds]).toEqual([2, 3]);
  await expect(ask({ metric: "*", matchers: [{ key: "site", value: "x" }] })).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining("matchers[0].operator is 0; wanted one of EQUAL"),
  });
});

test("asks for ids in order, answers in order of name, leaves series without rows out", async () => {
  const { asked, answer } = await ask({ metric: "*" });
  expect([...asked[0].seriesIds]).toEqual([...asked[0].seriesIds].sort((a, b) => a - b));
  expect(asked[0]).toMatchObject({ fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, stepUs: 0 });
  expect(answer.series!.map(({ metric, source, tags }) => [metric, source, tags!["site"]])).toEqual([
    ["a", "s", "north"],
    ["a", "s", "south"],
    ["a", "t", "south"],
  ]);
  expect(answer.pointsTotal).toBe(6n);
  const [northern] = answer.series!;
  expect(northern.values![1]).toBe(northern.values![0] + 0.5);
  expect(northern.timesMs![1] - northern.timesMs![0]).toBe(1.5);
  expect(northern.device).toBe("s");
});

test("bounds go to the microsecond below; what matches nothing is not asked", async () => {
  const { asked } = await ask({ metric: "a", filters: { site: "south" }, from: at(5, 1_999), to: at(6), stepMs: 250n });
  expect(asked[0]).toMatchObject({ fromUs: 5_000_001, toUs: 6_000_000, stepUs: 250_000 });
  expect(asked[0].seriesIds.length).toBe(2);
  const none = await ask({ metric: "c" });
  expect(none.asked).toEqual([]);
  expect(none.answer).toMatchObject({ series: [], pointsTotal: 0n });
});

describe("a step becomes one value by its function", () => {
  for (const [name, expected] of [
    ["UNSPECIFIED", (value: number) => value],
    ["AVG", (value: number) => value],
    ["SUM", (value: number) => value * 4],
    ["COUNT", () => 4],
    ["FIRST", (value: number) => value + 10],
    ["LAST", (value: number) => value + 20],
    ["MIN", (value: number) => value - 100],
    ["MAX", (value: number) => value + 100],
  ] as const) {
    test(name, async () => {
      const raw = (await ask({ metric: "a" })).answer.series!.flatMap(({ values }) => values!);
      const { answer } = await ask({ metric: "a", stepMs: 1_000n, function: RangeFunction[name] }, true);
      expect(answer.series!.flatMap(({ values }) => values!)).toEqual(raw.map(expected));
    });
  }
});

describe("refuses, naming the field and what was wanted", () => {
  for (const [request, sentence] of [
    [{}, "metric"],
    [{ metric: "a", filters: { site: "" } }, "site"],
    [{ metric: "a", from: at(6), to: at(6) }, "from is "],
    [{ metric: "a", from: at(-1) }, "from is "],
    [{ metric: "a", to: at(1e14) }, "to is "],
    [{ metric: "a", to: at(5, -1) }, "to.nanos is "],
    [{ metric: "a", stepMs: -1n }, "step_ms is "],
    [{ metric: "a", stepMs: 2n ** 62n }, "step_ms is "],
    [{ metric: "a", function: 77 as RangeFunction }, "function is "],
    [{ metric: "a", seriesMax: -1 }, "series_max is "],
    [{ metric: "a", pointsMax: 2 ** 31 - 1 }, "points_max is "],
  ] as const) {
    test(
      sentence + JSON.stringify(request, (_, value) => (typeof value === "bigint" ? String(value) : value)),
      async () => {
        const error = await ask(request).catch((error) => error);
        expect(error).toMatchObject({ status: "INVALID_ARGUMENT" });
        expect(error.message).toContain(sentence);
      },
    );
  }

  test("more series than were asked for", async () => {
    const error = await ask({ metric: "a", seriesMax: 2 }).catch((error) => error);
    expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED" });
    expect(error.message).toBe("3 series match, the limit is 2; narrow metric or filters");
  });
});
