/** QueryRange: what it asks the store for, what it makes of the answer, and what it refuses. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { SlicedWork } from "../../src/dashboard/sliced-work.ts";
import { encodeRange } from "../../src/dashboard/encode-range.ts";
import { queryRange, streamRange, type FoundRange } from "../../src/dashboard/query-range.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SEES_ALL } from "../../src/model/series-scopes.ts";
import type { RangeQuery, RangeResult, StepFunction } from "../../src/store/store-client.ts";
import {
  Aggregation,
  Fill,
  MatchOperator,
  QueryRangeRequestSchema,
  QueryRangeResponseSchema,
  RangeFunction,
} from "../../src/wire/gen/history_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";

const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
for (const [metric, source, site] of [
  ["b", "s", "north"],
  ["a", "t", "south"],
  ["a", "s", "south"],
  ["a", "s", "north"],
])
  registry.add(seriesKey(metric, source, [["site", site]]), source);

const clock = new ManualClock();
const sliced = new SlicedWork(() => clock.monotonicMs());

/** Answers two rows for every series, or group, asked but the first: its position, and its position and a half. */
async function ask(request: MessageInitShape<typeof QueryRangeRequestSchema>, more: Partial<FoundRange> = {}) {
  const asked: RangeQuery[] = [];
  const range = async (query: RangeQuery): Promise<FoundRange> => {
    asked.push(query);
    const slots = Uint32Array.from({ length: (query.grouping?.groups ?? query.seriesIds.length) - 1 }, (_, i) => i + 1);
    const values = Float64Array.from([...slots].flatMap((slot) => [slot, slot + 0.5]));
    const offsets = Uint32Array.from({ length: slots.length + 1 }, (_, i) => 2 * i);
    const timesUs = values.map((_, i) => 1_000_000 + i * 1_500);
    return {
      slots,
      offsets,
      timesUs,
      values,
      resolutionUs: 0,
      isCoarse: false,
      isDamaged: false,
      pointsRead: 0,
      next: null,
      ...more,
    };
  };
  const message = create(QueryRangeRequestSchema, request);
  const deps = { registry, store: { range }, clock, sliced, timeoutMsMax: 30_000, sees: SEES_ALL, unitOf: () => "" };
  const answer = await queryRange(message, deps, new AbortController().signal);
  return { asked, answer: fromBinary(QueryRangeResponseSchema, encodeRange(answer)) };
}

const at = (seconds: number, nanos = 0) => ({ seconds: BigInt(seconds), nanos });

test("an answer that nodes are missing from is partial, names them, and says why", async () => {
  const missing = [
    { name: "hall-2", why: "it is down" },
    { name: "hall-3", why: "it did not answer in time" },
  ];
  const { answer } = await ask({ metric: "a" }, { missing });
  expect(answer).toMatchObject({ partial: true, missingNodes: ["hall-2", "hall-3"] });
  expect(answer.notes).toEqual([
    "points that only the node hall-2 has are missing: it is down",
    "points that only the node hall-3 has are missing: it did not answer in time",
  ]);
  expect((await ask({ metric: "a" })).answer).toMatchObject({ partial: false, missingNodes: [], notes: [] });
});

test("matchers narrow what is asked for; one without an operator is refused", async () => {
  const south = { key: "site", operator: MatchOperator.NOT_REGEX, value: "n.*" };
  const { asked } = await ask({ metric: "*", matchers: [south] });
  expect([...asked[0].seriesIds].sort()).toEqual([2, 3]);
  await expect(ask({ metric: "*", matchers: [{ key: "site", value: "x" }] })).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining("matchers[0].operator is 0; wanted one of EQUAL"),
  });
});

test("asks for series in order of name, names the answer, leaves series without rows out", async () => {
  const { asked, answer } = await ask({ metric: "*" });
  const keys = Array.from(asked[0].seriesIds, (id) => registry.keyOf(id));
  expect(keys).toEqual([...keys].sort());
  expect(asked[0]).toMatchObject({ fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, stepUs: 0 });
  expect(answer.series.map(({ metric, source, tags }) => [metric, source, tags["site"]])).toEqual([
    ["a", "s", "south"],
    ["a", "t", "south"],
    ["b", "s", "north"],
  ]);
  expect(answer.pointsTotal).toBe(6n);
  expect(answer.series[0]).toMatchObject({ timesMs: [1_000, 1_001.5], values: [1, 1.5], device: "s" });
});

test("a series that is deleted while others are found is not asked for", async () => {
  for (let deletedAfter = 0, ended = false; !ended; deletedAfter++) {
    const own = new SeriesRegistry({ seriesMax: 10, seriesPerSourceMax: 10 });
    const ids = ["a", "b"].map((metric) => Number(own.add(seriesKey(metric, "s", []), "s")));
    let [slices, nowMs] = [0, 0];
    // Every look at the clock finds the slice over.
    const bySteps = new SlicedWork(
      () => (nowMs += 1_000),
      (run) =>
        setImmediate(() => {
          if (slices++ === deletedAfter) own.forget([ids[0]]);
          run();
        }),
    );
    let asked: number[] = [];
    const range = async ({ seriesIds }: RangeQuery): Promise<RangeResult> => {
      asked = [...seriesIds];
      const none = { slots: new Uint32Array(), timesUs: new Float64Array(), values: new Float64Array() };
      return {
        ...none,
        offsets: Uint32Array.of(0),
        resolutionUs: 0,
        isCoarse: false,
        isDamaged: false,
        pointsRead: 0,
        next: null,
      };
    };
    const deps = {
      registry: own,
      store: { range },
      clock,
      sliced: bySteps,
      timeoutMsMax: 30_000,
      sees: SEES_ALL,
      unitOf: () => "",
    };
    await queryRange(create(QueryRangeRequestSchema, { metric: "*" }), deps, new AbortController().signal);
    ended = slices <= deletedAfter;
    expect(asked).toEqual(ended ? ids : [ids[1]]);
  }
});

test("what is written by hand is what the generated code would write", async () => {
  const { answer } = await ask({ metric: "*" }, { resolutionUs: 3_600_000_000, isCoarse: true });
  const generated = toBinary(QueryRangeResponseSchema, answer);
  expect(fromBinary(QueryRangeResponseSchema, generated)).toEqual(answer);
  expect(answer.resolutionMs).toBe(3_600_000n);
  expect(answer.notes.length).toBe(1);
});

test("bounds go to the microsecond below; what matches nothing has an empty answer", async () => {
  const { asked } = await ask({ metric: "a", filters: { site: "south" }, from: at(5, 1_999), to: at(6), stepMs: 250n });
  expect(asked[0]).toMatchObject({ fromUs: 5_000_001, toUs: 6_000_000, stepUs: 250_000 });
  expect(asked[0].seriesIds.length).toBe(2);
  const nothing = { slots: new Uint32Array(0), offsets: new Uint32Array(1), values: new Float64Array(0) };
  const none = await ask({ metric: "c" }, { ...nothing, timesUs: new Float64Array(0) });
  expect(none.answer).toMatchObject({ series: [], pointsTotal: 0n });
});

test("a range may end now and begin so long before, or end elsewhere", async () => {
  const nowUs = clock.nowMs() * 1_000;
  const { asked } = await ask({ metric: "a", lastMs: 60_000n });
  expect(asked[0]).toMatchObject({ fromUs: nowUs - 60e6, toUs: nowUs });
  const before = await ask({ metric: "a", lastMs: 60_000n, to: at(100) });
  expect(before.asked[0]).toMatchObject({ fromUs: 40e6, toUs: 100e6 });
});

test("a tag that no series has, by which they are grouped, is named", async () => {
  const notesFor = async (...groupBy: string[]) => {
    return (await ask({ metric: "*", stepMs: 1_000n, groupBy })).answer.notes;
  };
  expect(await notesFor("site", "sit", "source")).toEqual([
    'none of these series has the tag "sit", by which they are grouped',
  ]);
  expect(await notesFor("site", "device", "metric")).toEqual([]);
});

test("groups are named by their tags, one for each metric and set of values", async () => {
  const { asked, answer } = await ask({ metric: "*", stepMs: 1_000n, groupBy: ["site"], aggregation: Aggregation.MAX });
  expect(asked[0].grouping).toMatchObject({ groups: 3, aggregation: "max" });
  expect([...asked[0].grouping!.groupOf]).toEqual([0, 1, 1, 2]);
  expect(answer.series.map(({ metric, source, tags }) => [metric, source, tags])).toEqual([
    ["a", "", { site: "south" }],
    ["b", "", { site: "north" }],
  ]);
  const whole = await ask({ metric: "*", stepMs: 1_000n, aggregation: Aggregation.SUM });
  expect([...whole.asked[0].grouping!.groupOf]).toEqual([0, 0, 0, 1]);
});

test("what the store is asked for besides", async () => {
  const { asked } = await ask({
    metric: "a",
    stepMs: 1_000n,
    fill: Fill.LINEAR,
    maxPoints: 500,
    asOf: at(77, 999_999_999),
    top: { count: 3, by: RangeFunction.MAX, lowest: true },
  });
  const top = { count: 3, by: "max", lowest: true };
  expect(asked[0]).toMatchObject({ fill: "linear", maxPoints: 500, asOfS: 77, top });
});

test("a query that takes too long is stopped, and says so; one whose caller has left is not late", async () => {
  let asked = Promise.withResolvers<void>();
  const range = (_: RangeQuery, { signal }: { signal?: AbortSignal } = {}) => {
    asked.resolve();
    return new Promise<never>((_, reject) => signal!.addEventListener("abort", () => reject(new Error("stopped"))));
  };
  const deps = { registry, store: { range }, clock, sliced, timeoutMsMax: 30_000, sees: SEES_ALL, unitOf: () => "" };
  const message = create(QueryRangeRequestSchema, { metric: "a", timeoutMs: 1_500n });
  const late = queryRange(message, deps, new AbortController().signal);
  await asked.promise;
  clock.advance(1_500);
  const error = await late.catch((error: WatchpostError) => error);
  expect(error).toMatchObject({ status: "DEADLINE_EXCEEDED" });
  expect((error as WatchpostError).message).toContain("longer than 1s500ms");
  const caller = new AbortController();
  asked = Promise.withResolvers<void>();
  const left = queryRange(message, deps, caller.signal);
  await asked.promise;
  caller.abort();
  await expect(left).rejects.toThrow("stopped");
  expect(clock.timers).toBe(0);
});

test("every function has a name in the store", async () => {
  const names = Object.keys(RangeFunction).filter((name) => Number.isNaN(Number(name)));
  for (const name of names) {
    const func = RangeFunction[name as keyof typeof RangeFunction];
    const { asked } = await ask({ metric: "a", stepMs: 1_000n, function: func });
    expect(asked[0].func).toBe(name === "UNSPECIFIED" ? "avg" : (name.toLowerCase() as StepFunction));
  }
});

describe("a stream of parts", () => {
  /** Three rows a series, two rows a part. */
  async function stream(request: MessageInitShape<typeof QueryRangeRequestSchema>) {
    const asked: RangeQuery[] = [];
    const range = async (query: RangeQuery): Promise<RangeResult> => {
      asked.push(query);
      const times = [0, 1, 2].map((s) => s * 1e6).filter((timeUs) => timeUs >= query.fromUs);
      const timesUs = Float64Array.from(times.slice(0, 2));
      const offsets = Uint32Array.of(0, timesUs.length);
      const next =
        times.length > 2 ? { slot: 0, fromUs: 2e6 } : query.seriesIds.length > 1 ? { slot: 1, fromUs: 0 } : null;
      const rows = { slots: Uint32Array.of(0), offsets, timesUs, values: timesUs };
      return { ...rows, resolutionUs: 0, isCoarse: true, isDamaged: false, pointsRead: 0, next };
    };
    const deps = { registry, store: { range }, clock, sliced, timeoutMsMax: 30_000, sees: SEES_ALL, unitOf: () => "" };
    const parts = [];
    for await (const bytes of streamRange(create(QueryRangeRequestSchema, request), deps, new AbortController().signal))
      parts.push(fromBinary(QueryRangeResponseSchema, bytes));
    return { asked, parts };
  }

  test("has all rows once, in order of name and time, and says once what is to be said", async () => {
    const { parts } = await stream({ metric: "*" });
    const rows = parts.flatMap(({ series }) =>
      series.flatMap(({ metric, source, tags, timesMs }) => timesMs.map((ms) => [metric, source, tags["site"], ms])),
    );
    expect(rows.length).toBe(12);
    expect(rows).toEqual([...rows].sort((a, b) => (a.join() < b.join() ? -1 : 1)));
    expect(parts.flatMap(({ notes }) => notes).length).toBe(1);
  });

  test("goes on behind any place, also one of a series or time that is not there", async () => {
    const rowsOf = async (request: MessageInitShape<typeof QueryRangeRequestSchema>) =>
      (await stream({ metric: "*", ...request })).parts.flatMap(({ series }) =>
        series.flatMap(({ metric, source, tags, timesMs }) => timesMs.map((ms) => ({ metric, source, tags, ms }))),
      );
    const all = await rowsOf({});
    for (const [i, { metric, source, tags, ms }] of all.entries()) {
      expect(await rowsOf({ after: { metric, source, tags, time: at(ms / 1_000) } })).toEqual(all.slice(i + 1));
    }
    const [{ metric, source, tags }] = all;
    expect(await rowsOf({ after: { metric, source, tags, time: at(0, 500_000_000) } })).toEqual(all.slice(1));
    expect(await rowsOf({ after: { metric, source, tags, time: at(9) }, to: at(9) })).toEqual(all.slice(3));
    expect(await rowsOf({ after: { metric, source, time: at(9) } })).toEqual(all);
    expect(await rowsOf({ after: { metric: "z", time: at(0) } })).toEqual([]);
  });

  test("refuses a place where rows have no place, or without a time", async () => {
    const after = { metric: "a", source: "s", time: at(1) };
    for (const more of [{ stepMs: 1_000n }, { maxPoints: 5 }, { top: { count: 1 } }, { after: { metric: "a" } }]) {
      await expect(stream({ metric: "*", after, ...more })).rejects.toMatchObject({
        status: "INVALID_ARGUMENT",
        message: expect.stringMatching(/^after(\.time)? is /),
      });
    }
  });

  test("asks for a part when the one before was taken", async () => {
    let asked = 0;
    const range = async (query: RangeQuery): Promise<RangeResult> => {
      asked++;
      const next = query.seriesIds.length > 1 ? { slot: 1, fromUs: 0 } : null;
      const [timesUs, values] = [Float64Array.of(1), Float64Array.of(1)];
      const offsets = Uint32Array.of(0, 1);
      return {
        slots: Uint32Array.of(0),
        offsets,
        timesUs,
        values,
        resolutionUs: 0,
        isCoarse: false,
        isDamaged: false,
        pointsRead: 0,
        next,
      };
    };
    const deps = { registry, store: { range }, clock, sliced, timeoutMsMax: 30_000, sees: SEES_ALL, unitOf: () => "" };
    const parts = streamRange(create(QueryRangeRequestSchema, { metric: "*" }), deps, new AbortController().signal);
    const reader = parts[Symbol.asyncIterator]();
    await reader.next();
    await Bun.sleep(0);
    expect(asked).toBe(1);
    await reader.next();
    expect(asked).toBe(2);
    await reader.return?.();
  });
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
    [{ metric: "a", lastMs: 5n, from: at(1) }, "last_ms is "],
    [{ metric: "a", lastMs: -5n }, "last_ms is "],
    [{ metric: "a", groupBy: ["site"] }, "group_by is "],
    [{ metric: "a", aggregation: Aggregation.MAX }, "aggregation is "],
    [{ metric: "a", fill: Fill.ZERO }, "fill is "],
    [{ metric: "a", stepMs: 1n, fill: 9 as Fill }, "fill is "],
    [{ metric: "a", stepMs: 1n, aggregation: 99 as Aggregation }, "aggregation is "],
    [{ metric: "a", maxPoints: -1 }, "max_points is "],
    [{ metric: "a", top: { count: 0 } }, "top.count is "],
    [{ metric: "a", top: { count: 1, by: RangeFunction.P99 } }, "top.by is "],
    [{ metric: "a", timeoutMs: 40_000n }, "timeout_ms is "],
    [{ metric: "a", asOf: at(-1) }, "as_of is "],
    [{ metric: "a", after: { metric: "a", time: at(1) } }, "after is "],
  ] as [MessageInitShape<typeof QueryRangeRequestSchema>, string][]) {
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
