/** The hand-written encoder writes what the generated one reads. */
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { aggregate } from "../../src/dashboard/aggregate.ts";
import { encodeAggregate, encodeConstants, UpdateWriter } from "../../src/dashboard/encode.ts";
import { DashboardDataSchema } from "../../src/wire/gen/dashboard_pb.ts";

const text = fc.string({ maxLength: 40 }).map((s) => s.toWellFormed().replaceAll("\0", ""));
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const metric = fc.record({
  metric: text,
  source: text,
  tags: fc.uniqueArray(fc.tuple(text, fc.oneof(text, fc.string({ minLength: 100, maxLength: 400 }))), {
    selector: ([key]) => key,
    maxLength: 40,
  }),
  value: number,
  unit: text,
  timeUs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  stale: fc.boolean(),
  window: fc.option(
    fc.record({ last: number, min: number, max: number, sum: number, count: fc.integer({ min: 1 }), rate: number }),
    { nil: undefined },
  ),
  group: fc.option(fc.array(number, { minLength: 1, maxLength: 5 }), { nil: undefined }),
});

test("any update", () => {
  fc.assert(
    fc.property(
      fc.array(metric, { maxLength: 8 }),
      fc.integer({ min: 0, max: 1e6 }),
      fc.boolean(),
      (metrics, interval, snapshot) => {
        const writer = new UpdateWriter();
        for (const { metric, source, tags, group, unit, ...parts } of metrics) {
          const encoded = group && encodeAggregate([["site", "x"]], aggregate(Float64Array.from(group)));
          writer.add(encodeConstants({ metric, source, tags }, unit), { ...parts, aggregate: encoded });
        }
        const read = fromBinary(DashboardDataSchema, writer.finish(interval, snapshot));
        expect(read).toMatchObject({ updateIntervalMs: interval, snapshot });
        expect(read.metrics.length).toBe(metrics.length);
        for (const [i, { metric, source, tags, unit, value, timeUs, stale, window, group }] of metrics.entries()) {
          const got = read.metrics[i];
          expect([got.name, got.metric, got.source, got.value, got.stale]).toEqual([
            `${metric}:${source}`,
            metric,
            source,
            value,
            stale,
          ]);
          expect(got.unit).toBe(unit);
          expect(got.tags).toEqual(Object.fromEntries(tags));
          expect(got.device).toBe(tags.findLast(([key]) => key === "device")?.[1] ?? source);
          expect(Number(got.timestamp!.seconds) * 1e6 + got.timestamp!.nanos / 1e3).toBe(timeUs);
          if (window)
            expect(got.window).toMatchObject({
              ...window,
              count: BigInt(window.count),
              avg: window.sum / window.count,
            });
          else expect(got.window).toBeUndefined();
          expect(got.aggregate?.count).toBe(group && BigInt(group.length));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("aggregates of known values", () => {
  expect(aggregate(Float64Array.of(5))).toEqual({ count: 1, avg: 5, min: 5, max: 5, sum: 5, p50: 5, p95: 5, p99: 5 });
  const hundred = aggregate(Float64Array.from({ length: 101 }, (_, i) => 100 - i));
  expect(hundred).toMatchObject({ count: 101, avg: 50, min: 0, max: 100, p50: 50, p95: 95, p99: 99 });
});
