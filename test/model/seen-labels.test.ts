/** What is in a scope by its labels, as alerts are. */
import { describe, expect, test } from "bun:test";
import { EVERYTHING, scopeOf, type ScopePatterns } from "../../src/model/access.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { seriesKey } from "../../src/model/series-key.ts";

const scope = (patterns: Partial<ScopePatterns>) => scopeOf({ sources: [], devices: [], sites: [], ...patterns });

/** Pump and fan send through gw; the pump is registered in Berlin, the fan says so of its series itself. */
function placesOfTwo() {
  const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
  const sites = new Map([["pump", "berlin"]]);
  const add = (tags: Record<string, string>) =>
    registry.add(seriesKey("m", "gw", Object.entries(tags)), "gw") as number;
  const ids = new Map([
    ["pump", [add({ device: "pump" })]],
    ["fan", [add({ device: "fan", site: "berlin" })]],
  ]);
  return new SeriesScopes(registry, {
    siteOf: (device) => sites.get(device) ?? "",
    seriesOf: (device) => ids.get(device) ?? [],
  });
}

describe("an alert", () => {
  const sees = (patterns: Partial<ScopePatterns>, labels: Record<string, string>) => {
    return placesOfTwo().seesLabels(scope(patterns), labels);
  };

  test("of a series is at its source and device, and at the registered site before the one it says", () => {
    const pump = { source: "gw", device: "pump", site: "hamburg" };
    expect(sees({ sites: ["berlin"] }, pump)).toBe(true);
    expect(sees({ sites: ["hamburg"] }, pump)).toBe(false);
    expect(sees({ sites: ["berlin"], sources: ["gw-*"] }, pump)).toBe(false);
    expect(sees({ devices: ["pump"] }, pump)).toBe(true);
    expect(sees({ sites: ["hamburg"] }, { source: "gw", device: "motor", site: "hamburg" })).toBe(true);
  });

  test("of a device alone is where the device is seen, by any of its series", () => {
    expect(sees({ sources: ["gw"] }, { device: "pump" })).toBe(true);
    expect(sees({ sources: ["gw-2"] }, { device: "pump" })).toBe(false);
    expect(sees({ sites: ["berlin"] }, { device: "fan" })).toBe(true);
    expect(sees({ sites: ["hamburg"] }, { device: "fan" })).toBe(false);
  });

  test("of a source alone is of the device of that name; else what it does not say matches no name", () => {
    expect(sees({ devices: ["gw"] }, { source: "gw" })).toBe(true);
    expect(sees({ devices: ["pump"] }, { source: "gw" })).toBe(false);
    expect(sees({ sources: ["motor"], sites: ["berlin"] }, { device: "motor", site: "berlin" })).toBe(false);
    expect(sees({ devices: ["motor"], sites: ["berlin"] }, { device: "motor", site: "berlin" })).toBe(true);
    expect(sees({ sites: ["berlin"] }, { site: "berlin" })).toBe(true);
    expect(sees({ sites: ["berlin"], sources: ["gw"] }, { site: "berlin" })).toBe(false);
  });

  test("that says no place is seen by those who see everything", () => {
    expect(sees({ sources: ["*"] }, { team: "ops" })).toBe(false);
    expect(placesOfTwo().seesLabels(EVERYTHING, { team: "ops" })).toBe(true);
  });
});
