/** Series and points of a part of the server, counted while somebody asks. */
import { expect, test } from "bun:test";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { scopeOf } from "../../src/model/access.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { ScopedCounts } from "../../src/overview/scoped-counts.ts";
import { ManualClock } from "../support/manual-clock.ts";

const scopeOfSource = (source: string) => scopeOf({ sources: [source], devices: [], sites: [] });

class Rig {
  readonly registry = new SeriesRegistry({ seriesMax: 10_000, seriesPerSourceMax: 10_000 });
  readonly scopes = new SeriesScopes(this.registry, { siteOf: () => "", seriesOf: () => [] });
  readonly clock = new ManualClock();
  readonly troubles: unknown[] = [];
  readonly bus = new MemoryBus((error) => void this.troubles.push(error));
  subscribed = 0;
  readonly counts = new ScopedCounts({
    ...{ registry: this.registry, scopes: this.scopes, clock: this.clock },
    bus: {
      subscribe: (listener) => {
        this.subscribed++;
        const stop = this.bus.subscribe(listener);
        return () => {
          this.subscribed--;
          stop();
        };
      },
    },
    pause: () => Promise.resolve(),
  });

  series(source: string, metric = "m"): number {
    return this.registry.add(seriesKey(metric, source, []), source) as number;
  }

  send(seriesIds: readonly number[]): void {
    const { length } = seriesIds;
    const columns = { timesUs: new Float64Array(length), values: new Float64Array(length) };
    this.bus.publish({ seq: 1, arrivalMs: 0, count: length, seriesIds: Uint32Array.from(seriesIds), ...columns });
  }

  /** With the timers that are due on the way. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) this.clock.advance(1_000);
  }
}

test("series and rates are those in scope, from when somebody asks first", async () => {
  const rig = new Rig();
  const [a, b, c] = ["a", "b", "c"].map((source) => rig.series(source));
  rig.send([a, a, b]);
  expect(rig.subscribed).toBe(0);
  const scope = scopeOfSource("a");
  expect(await rig.counts.of(scope)).toEqual({ series: 1, pointsPerS: 0, recentPointsPerS: [] });
  rig.send([a, b, a, a, c]);
  rig.pass(2);
  expect(await rig.counts.of(scope)).toMatchObject({ pointsPerS: 1.5 });
  rig.pass(9);
  const later = await rig.counts.of(scope);
  expect([later.pointsPerS, later.recentPointsPerS]).toEqual([0, [0.3]]);
  rig.series("a", "another");
  rig.registry.forget([b]);
  rig.pass(6);
  expect((await rig.counts.of(scope)).series).toBe(2);
  expect((await rig.counts.of(scopeOfSource("b"))).series).toBe(0);
});

test("of large frames the share that is looked at stands for all, in whatever order they come", async () => {
  const rig = new Rig();
  const ids = Array.from({ length: 10 }, (_, i) => rig.series(i < 3 ? "a" : `s${i}`, `m${i}`));
  const scope = scopeOfSource("a");
  await rig.counts.of(scope);
  const count = 100_000;
  rig.send(Array.from({ length: count }, (_, i) => ids[i % 10]));
  rig.pass(1);
  const { pointsPerS } = await rig.counts.of(scope);
  expect(Math.abs(pointsPerS - 0.3 * count)).toBeLessThan(0.03 * count);
});

test("nothing is counted while nobody asks, and of no more scopes than so many", async () => {
  const rig = new Rig();
  const id = rig.series("s1");
  for (let i = 0; i < 20; i++) await rig.counts.of(scopeOfSource(`s${i}`));
  rig.send([id]);
  rig.pass(1);
  expect([(await rig.counts.of(scopeOfSource("s1"))).pointsPerS, rig.subscribed]).toEqual([1, 1]);
  expect(await rig.counts.of(scopeOfSource("s19"))).toEqual({ series: 0, pointsPerS: 0, recentPointsPerS: [] });
  rig.pass(160);
  expect(rig.subscribed).toBe(0);
  await rig.counts.of(scopeOfSource("s19"));
  expect(rig.subscribed).toBe(1);
  rig.counts.close();
  rig.counts.close();
  expect([rig.subscribed, rig.troubles]).toEqual([0, []]);
});
