/** What is in a scope, against what follows from a series' place without remembering anything. */
import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { EVERYTHING, scopeOf, type Scope } from "../../src/model/access.ts";
import { deviceOf, parseSeriesKey, seriesKey, tagOf } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { randomOf } from "../support/random.ts";

class Rig {
  readonly registry = new SeriesRegistry({ seriesMax: 1_000_000, seriesPerSourceMax: 1_000_000 });
  readonly sites = new Map<string, string>();
  readonly scopes: SeriesScopes;
  keysRead = 0;

  constructor(pagesMax?: number) {
    const keyOf = this.registry.keyOf.bind(this.registry);
    this.registry.keyOf = (id) => {
      this.keysRead++;
      return keyOf(id);
    };
    const devices = {
      siteOf: (id: string) => this.sites.get(id) ?? "",
      seriesOf: (id: string) => this.ids().filter((series) => deviceOf(this.registry.identityOf(series)) === id),
    };
    this.scopes = new SeriesScopes(this.registry, devices, pagesMax);
  }

  add(source: string, tags: Readonly<Record<string, string>> = {}, metric = "m"): number {
    return this.registry.add(seriesKey(metric, source, Object.entries(tags)), source) as number;
  }

  ids(): number[] {
    return Array.from({ length: this.registry.idEnd }, (_, id) => id).filter((id) => this.registry.has(id));
  }

  move(device: string, site: string): void {
    this.sites.set(device, site);
    this.scopes.moved(device);
  }

  /** Without the cache. */
  isSeen(scope: Scope, id: number): boolean {
    const identity = parseSeriesKey(this.registry.keyOf(id));
    const device = deviceOf(identity);
    const site = this.sites.get(device) || (tagOf(identity, "site") ?? "");
    return scope.takes({ source: identity.source, device, site });
  }
}

const scope = (patterns: Partial<Record<"sources" | "devices" | "sites", string[]>>) => {
  return scopeOf({ sources: [], devices: [], sites: [], ...patterns });
};

test("the place of a series: its device or source, the registered site before the tag", () => {
  const rig = new Rig();
  const ids = [rig.add("gw"), rig.add("gw", { device: "pump" }), rig.add("gw", { device: "fan", site: "berlin" })];
  const seen = (given: Scope) => ids.map(rig.scopes.seesSeries(given));
  expect(seen(scope({ devices: ["gw"] }))).toEqual([true, false, false]);
  expect(seen(scope({ devices: ["p*", "fan"] }))).toEqual([false, true, true]);
  expect(seen(scope({ sources: ["gw"], sites: ["berlin"] }))).toEqual([false, false, true]);
  rig.move("fan", "hamburg");
  expect(seen(scope({ sites: ["berlin"] }))).toEqual([false, false, false]);
  expect(seen(scope({ sites: ["hamburg"] }))).toEqual([false, false, true]);
  rig.move("fan", "");
  expect(seen(scope({ sites: ["berlin"] }))).toEqual([false, false, true]);
});

test("what was asked once follows when a device moves, and new series are in it as they come", () => {
  const rig = new Rig();
  const moved: string[] = [];
  const stop = rig.scopes.onMoved((device) => moved.push(device));
  const sees = rig.scopes.seesSeries(scope({ sites: ["berlin"] }));
  const first = rig.add("gw", { device: "pump" });
  expect(sees(first)).toBe(false);
  rig.move("pump", "berlin");
  const second = rig.add("gw", { device: "pump", of: "another" });
  expect([sees(first), sees(second)]).toEqual([true, true]);
  stop();
  rig.move("pump", "hamburg");
  expect([sees(first), sees(second), moved]).toEqual([false, false, ["pump"]]);
});

test("a series is looked at once for each scope, for everything never", () => {
  const rig = new Rig();
  const ids = Array.from({ length: 10_000 }, (_, i) => rig.add(`s${i}`));
  for (let round = 0; round < 3; round++) ids.forEach((id) => rig.scopes.seesSeries(EVERYTHING)(id));
  expect(rig.keysRead).toBe(0);
  for (let round = 0; round < 3; round++) ids.forEach((id) => rig.scopes.seesSeries(scope({ sources: ["s1*"] }))(id));
  expect(rig.keysRead).toBe(10_000);
});

test("where there is no room for all scopes those asked for last stay", () => {
  const rig = new Rig(2);
  const id = rig.add("a");
  const [a, b, c] = ["a", "b", "c"].map((source) => rig.scopes.seesSeries(scope({ sources: [source] })));
  expect([a(id), b(id), c(id), rig.keysRead]).toEqual([true, false, false, 3]);
  expect([b(id), c(id), rig.keysRead]).toEqual([false, false, 3]);
  expect([a(id), rig.keysRead]).toEqual([true, 4]);
});

test("when a device moves its series alone are looked at again, and only for scopes of sites", () => {
  const rig = new Rig();
  const pump = Array.from({ length: 3 }, (_, i) => rig.add("gw", { device: "pump", of: `${i}` }));
  const others = Array.from({ length: 5_000 }, (_, i) => rig.add("gw", { device: `d${i}` }));
  const scopes = ["berlin", "hamburg", "b*"].map((site) => rig.scopes.seesSeries(scope({ sites: [site] })));
  const bySource = rig.scopes.seesSeries(scope({ sources: ["gw"] }));
  const lookAtAll = () => [...scopes, bySource].map((sees) => [...pump, ...others].filter((id) => sees(id)).length);
  expect(lookAtAll()).toEqual([0, 0, 0, 5_003]);
  const before = rig.keysRead;
  rig.move("pump", "berlin");
  expect(lookAtAll()).toEqual([3, 0, 3, 5_003]);
  const read = rig.keysRead - before;
  expect(read).toBeGreaterThanOrEqual(3 * pump.length);
  // Those of few others are in its chain.
  expect(read).toBeLessThan(3 * 50);
  // Also of a device that is not known any more, of which nobody can say what it has.
  rig.sites.delete("pump");
  rig.scopes.moved("pump");
  expect(lookAtAll()).toEqual([0, 0, 0, 5_003]);
});

test("a device of very many series moves, too", () => {
  const rig = new Rig();
  const ids = Array.from({ length: 12_000 }, (_, i) => rig.add("gw", { device: "hall", of: `${i}` }));
  const sees = rig.scopes.seesSeries(scope({ sites: ["berlin"] }));
  expect(ids.filter(sees)).toEqual([]);
  rig.move("hall", "berlin");
  expect(ids.filter(sees)).toEqual(ids);
});

describe("a device", () => {
  test("is seen where any of its series is", () => {
    const rig = new Rig();
    rig.add("gw-1", { device: "pump" });
    rig.add("gw-2", { device: "pump", site: "berlin" });
    const sees = (given: Scope, device = "pump") => rig.scopes.seesDevice(given, device);
    expect(sees(scope({ sources: ["gw-2"] }))).toBe(true);
    expect(sees(scope({ sources: ["gw-3"] }))).toBe(false);
    expect(sees(scope({ sources: ["pump"] }))).toBe(false);
    expect(sees(scope({ sites: ["berlin"] }))).toBe(true);
    expect(sees(scope({ sources: ["gw-1"], sites: ["berlin"] }))).toBe(false);
    rig.move("pump", "hamburg");
    expect(sees(scope({ sites: ["berlin"] }))).toBe(false);
    expect(sees(scope({ sources: ["gw-1"], sites: ["hamburg"] }))).toBe(true);
  });

  test("without series is its own source", () => {
    const rig = new Rig();
    rig.move("pump", "berlin");
    expect(rig.scopes.seesDevice(scope({ sources: ["pu*"], sites: ["berlin"] }), "pump")).toBe(true);
    expect(rig.scopes.seesDevice(scope({ sources: ["gw"] }), "pump")).toBe(false);
    expect(rig.scopes.seesDevice(EVERYTHING, "pump")).toBe(true);
  });
});

test("a device as it would be seen at another site, and whether all of it is seen", () => {
  const rig = new Rig();
  const [berlin, hamburg] = [scope({ sites: ["berlin"] }), scope({ sites: ["hamburg"] })];
  rig.add("gw-1", { device: "pump", site: "berlin" });
  expect(rig.scopes.seesWholeDevice(berlin, "pump")).toBe(true);
  rig.add("gw-2", { device: "pump", site: "hamburg" });
  const both = [berlin, hamburg].map((given) => [
    rig.scopes.seesDevice(given, "pump"),
    rig.scopes.seesWholeDevice(given, "pump"),
    rig.scopes.seesDevice(given, "pump", "hamburg"),
  ]);
  expect(both).toEqual([
    [true, false, false],
    [true, false, true],
  ]);
  rig.move("pump", "hamburg");
  expect([berlin, hamburg].map((given) => rig.scopes.seesDevice(given, "pump", ""))).toEqual([true, true]);
  expect([berlin, hamburg].map((given) => rig.scopes.seesWholeDevice(given, "pump"))).toEqual([false, true]);
  expect(rig.scopes.seesDevice(scope({ sources: ["gw-2"], sites: ["berlin"] }), "pump", "berlin")).toBe(true);
  expect(rig.scopes.seesWholeDevice(scope({ devices: ["p*"] }), "pump")).toBe(true);
  expect(rig.scopes.seesWholeDevice(scope({ sources: ["fan"] }), "fan")).toBe(true);
  expect(rig.scopes.seesWholeDevice(scope({ sources: ["gw"] }), "fan")).toBe(false);
});

test("what is on its way in is at the place it says, and its device at the site it is registered with", () => {
  const rig = new Rig();
  rig.move("pump", "berlin");
  const berlin = scope({ sites: ["berlin"] });
  expect(rig.scopes.takes(berlin, { source: "gw", device: "pump", site: "hamburg" })).toBe(true);
  expect(rig.scopes.takes(berlin, { source: "gw", device: "fan", site: "hamburg" })).toBe(false);
  expect(rig.scopes.takes(berlin, { source: "gw", device: "fan", site: "berlin" })).toBe(true);
  expect(rig.scopes.takes(scope({ devices: ["gw"] }), { source: "gw" })).toBe(true);
  expect(rig.scopes.takes(EVERYTHING, { source: "gw" })).toBe(true);
});

test("of scopes for which there was no room nothing stays, though somebody still asks for them", () => {
  const rig = new Rig(1);
  const id = rig.add("gw");
  const arrays = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["Uint8Array"] ?? 0;
  };
  const before = arrays();
  const asking = Array.from({ length: 2_000 }, (_, i) => rig.scopes.seesSeries(scope({ sources: ["gw", `s-${i}`] })));
  expect(asking.every((sees) => sees(id))).toBe(true);
  expect(arrays() - before).toBeLessThan(1_000);
  expect(asking.every((sees) => sees(id))).toBe(true);
});

for (let seed = 1; seed <= 8; seed++) {
  test(`is what follows from places alone, whatever happens in between (seed ${seed})`, () => {
    const random = randomOf(seed);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const [names, sites] = [
      ["a", "b", "ab", "ba"],
      ["", "x", "y"],
    ];
    const some = (of: readonly string[]) =>
      of.filter((text) => text !== "" && random() < 0.3).map((text) => any([text, `${text}*`]));
    const rig = new Rig(3);
    const views = Array.from({ length: 6 }, () => {
      const given = scope({ sources: some(names), devices: some(names), sites: some(sites) });
      return { given, sees: rig.scopes.seesSeries(given) };
    });
    for (let step = 0; step < 400; step++) {
      const what = random();
      if (what < 0.5) {
        const tags = {
          of: String(step),
          ...(random() < 0.5 && { device: any(names) }),
          ...(random() < 0.5 && { site: any(sites) }),
        };
        rig.add(any(names), tags);
      } else if (what < 0.6) rig.move(any(names), any(sites));
      else if (what < 0.65) rig.registry.forget([1 + Math.floor(random() * rig.registry.idEnd)]);
      const { given, sees } = any(views);
      const ids = rig.ids();
      expect(ids.filter(sees)).toEqual(ids.filter((id) => rig.isSeen(given, id)));
      const device = any(names);
      const own = ids.filter((id) => deviceOf(rig.registry.identityOf(id)) === device);
      const alone = { source: device, device, site: rig.sites.get(device) ?? "" };
      const isSeen = own.length === 0 ? given.takes(alone) : own.some((id) => rig.isSeen(given, id));
      // Without patterns of sources a registered site decides for all series of a device.
      expect(rig.scopes.seesDevice(given, device)).toBe(isSeen);
    }
  });
}
