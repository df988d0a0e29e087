/** Quantiles of windows with more samples than are kept, and the histograms they come from. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bucketOf, coarser, LogHistogram } from "../../../src/alerts/conditions/log-histogram.ts";
import { HISTOGRAMS_OF_WINDOW } from "../../../src/alerts/conditions/log-histogram-window.ts";
import { QuantileWindow } from "../../../src/alerts/conditions/quantile-window.ts";
import { quantileOf } from "../../../src/model/quantile.ts";
import { randomOf } from "../../support/random.ts";
import { anyValue, OVER_US, paneWindowOf, windowOf, type Sample } from "./samples.ts";
import { START_US } from "./timeline.ts";

const RELATIVE_ERROR = 0.01;

function exactly(samples: readonly Sample[], q = 0.95): number {
  return quantileOf(Float64Array.from(samples, ({ value }) => value).sort(), q);
}

/** Roughly normal. */
function bell(random: () => number): number {
  return random() + random() + random() + random() - 2;
}

const SHAPES: Record<string, (random: () => number, i: number) => number> = {
  "a vibration around zero": (random, i) => Math.sin(i / 7) + 0.1 * bell(random),
  "a temperature": (random) => 20 + 5 * bell(random),
  "a latency of many sizes": (random) => Math.exp(6 * bell(random)),
  "all below zero": (random) => -1e-6 * Math.exp(2 * bell(random)),
  "mostly nothing": (random) => (random() < 0.93 ? 0 : 1e6 * random()),
  "one value": () => 21.37,
  "whole numbers": (random) => Math.round(500 + 100 * bell(random)),
  "a level that moves": (random, i) => 100 + i / 1_000 + bell(random),
};

describe("20,000 samples in a window", () => {
  const GAP_US = OVER_US / 20_000;
  for (const [name, valueAt] of Object.entries(SHAPES)) {
    test(`${name}: within 1 %`, () => {
      const random = randomOf(3);
      const window = new QuantileWindow(OVER_US, 0.95);
      const samples: Sample[] = [];
      for (let i = 0; i < 50_000; i++) {
        const sample = { timeUs: START_US + i * GAP_US, value: valueAt(random, i) };
        samples.push(sample);
        const got = window.take(sample.timeUs, sample.value);
        if (i % 1_999 !== 0) continue;
        const isExact = i < 4_096;
        const within = isExact
          ? windowOf(samples, sample.timeUs)
          : paneWindowOf(samples, sample.timeUs, OVER_US / HISTOGRAMS_OF_WINDOW);
        const wanted = exactly(within);
        if (isExact || name === "one value") expect(got).toBe(wanted);
        else expect(Math.abs(got - wanted)).toBeLessThanOrEqual(RELATIVE_ERROR * Math.abs(wanted));
      }
    });
  }

  test("values of fourteen orders of magnitude: within 4 %, and within 1 % again after", () => {
    const random = randomOf(9);
    const window = new QuantileWindow(OVER_US, 0.95);
    const samples: Sample[] = [];
    for (let i = 0; i < 90_000; i++) {
      const isWide = i < 40_000;
      const value = -Math.exp((isWide ? 8 : 1) * bell(random));
      const sample = { timeUs: START_US + i * GAP_US, value };
      samples.push(sample);
      const got = window.take(sample.timeUs, sample.value);
      if (i % 1_999 !== 0 || (i >= 40_000 && i < 85_000)) continue;
      const wanted = exactly(paneWindowOf(samples, sample.timeUs, OVER_US / HISTOGRAMS_OF_WINDOW));
      expect(Math.abs(got - wanted)).toBeLessThanOrEqual((isWide ? 0.04 : RELATIVE_ERROR) * Math.abs(wanted));
    }
  });

  test("once samples are rare for a window, it is exact again", () => {
    const random = randomOf(5);
    const window = new QuantileWindow(OVER_US, 0.95);
    const samples: Sample[] = [];
    let timeUs = START_US;
    const take = (gapUs: number) => {
      const sample = { timeUs: (timeUs += gapUs), value: 20 + bell(random) };
      samples.push(sample);
      return window.take(sample.timeUs, sample.value);
    };
    for (let i = 0; i < 30_000; i++) take(GAP_US);
    const rareGapUs = OVER_US / 100;
    for (let i = 0; i < 200; i++) take(rareGapUs);
    for (let i = 0; i < 200; i++) expect(take(rareGapUs)).toBe(exactly(windowOf(samples, timeUs)));
    for (let i = 0; i < 30_000; i++) take(GAP_US);
    const wanted = exactly(paneWindowOf(samples, timeUs, OVER_US / HISTOGRAMS_OF_WINDOW));
    expect(Math.abs(take(GAP_US) - wanted)).toBeLessThan(RELATIVE_ERROR * wanted);
  });
});

describe("histogram", () => {
  test("buckets ascend with values, and are less than 1 % wide", () => {
    const property = fc.property(anyValue, anyValue, (a, b) => {
      if (a < b) expect(bucketOf(a)).toBeLessThanOrEqual(bucketOf(b));
      if (bucketOf(a) !== bucketOf(b) || Math.abs(a) < 1e-300) return;
      expect(Math.abs(a - b)).toBeLessThanOrEqual(RELATIVE_ERROR * Math.abs(a));
    });
    fc.assert(property);
    expect([0, -0, 5e-324].map(bucketOf).map(Math.abs)).toEqual([0, 0, 0]);
    expect(bucketOf(Number.MAX_VALUE)).toBe(-bucketOf(-Number.MAX_VALUE));
  });

  test("what was added is taken out again", () => {
    const values = fc.array(anyValue, { maxLength: 60 });
    const property = fc.property(values, values, fc.double({ min: 0, max: 1, noNaN: true }), (first, second, q) => {
      const [all, part, wanted] = [new LogHistogram(), new LogHistogram(), new LogHistogram()];
      for (const value of first) [all, part].forEach((each) => each.add(bucketOf(value), bucketOf(value)));
      for (const value of second) [all, wanted].forEach((each) => each.add(bucketOf(value), bucketOf(value)));
      all.subtract(part);
      expect(all.total).toBe(second.length);
      expect(all.length).toBe(new Set(second.map((value) => bucketOf(value) + 0)).size);
      expect(all.quantile(q)).toBe(wanted.quantile(q));
      const sorted = Float64Array.from(second, bucketOf).sort();
      if (second.length > 0) expect(all.quantile(q)).toBe(quantileOf(sorted, q));
    });
    fc.assert(property);
  });

  test("coarser, pairs of buckets are one", () => {
    const histogram = new LogHistogram();
    const [one, next] = [bucketOf(1), bucketOf(1 + 2 ** -7)];
    for (const bucket of [-next, -one, 0, 1, one, next, next + 1]) histogram.add(bucket, bucket);
    histogram.coarsen(1);
    expect([histogram.length, histogram.total]).toEqual([4, 7]);
    expect([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1].map((q) => histogram.quantile(q))).toEqual([
      -next,
      -next,
      0,
      0,
      one,
      one,
      next + 1,
    ]);
    expect([-one, one].map((bucket) => coarser(bucket + 0, 18) + 0)).toEqual([0, 0]);
  });
});
