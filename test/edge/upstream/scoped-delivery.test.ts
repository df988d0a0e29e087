/** Ledgers for those who see some of the sources: these, and nothing that tells of others. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { wholeSources } from "../../../src/app/whole-sources.ts";
import { deliveryInScope } from "../../../src/edge/upstream/scoped-delivery.ts";
import { EVERYTHING, scopeOf } from "../../../src/model/access.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { SeriesRegistry } from "../../../src/model/series-registry.ts";
import { SeriesScopes } from "../../../src/model/series-scopes.ts";
import { GetDeliveryResponseSchema } from "../../../src/wire/gen/forwarding_pb.ts";

const counts = (source: string, points: bigint) => ({ source, ackedPoints: points, queuedPoints: points });

test("nodes are named where sources in scope go or come from, without what is of all they carry", () => {
  const whole = create(GetDeliveryResponseSchema, {
    nodeId: "here",
    upstreams: [
      {
        ...{ name: "hub:1", address: "hub:1", state: "connected", nodeId: "hub" },
        ...{ lastError: "of a secret", queuedPoints: 9n, pointsPerSecond: 5, queuedEvents: 3n },
        settings: { sources: "gw-*" },
        queued: [{ from: 1n, to: 9n }],
        sources: [counts("gw-1", 2n), counts("secret", 7n)],
      },
    ],
    origins: [
      { originId: "a", originName: "cellar", lanes: ["live"], sources: [counts("gw-1", 1n), counts("secret", 1n)] },
      { originId: "b", originName: "secret", committed: [{ from: 1n, to: 2n }], sources: [counts("secret", 1n)] },
    ],
  });
  const part = create(
    GetDeliveryResponseSchema,
    deliveryInScope(whole, (source) => source === "gw-1"),
  );
  const wanted = create(GetDeliveryResponseSchema, {
    upstreams: [
      { name: "hub:1", address: "hub:1", state: "connected", queuedPoints: 2n, sources: [counts("gw-1", 2n)] },
    ],
    origins: [{ originId: "a", originName: "cellar", lanes: ["live"], sources: [counts("gw-1", 1n)] }],
  });
  expect(part).toEqual(wanted);
  expect(deliveryInScope(whole, () => false)).toEqual({ upstreams: [], origins: [] });
});

test("a source is seen by its name, or where each of its series is in scope", async () => {
  const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
  const scopes = new SeriesScopes(registry, { siteOf: () => "", seriesOf: () => [] });
  const add = (source: string, device: string, site: string) =>
    registry.add(seriesKey("m", source, Object.entries({ device, site })), source) as number;
  add("gw-1", "a", "berlin");
  add("gw-2", "b", "berlin");
  const elsewhere = add("gw-2", "c", "hamburg");
  add("gw-2", "d", "berlin");
  const berlin = scopeOf({ sources: [], devices: [], sites: ["berlin"] });
  const seen = async (scope = berlin) => {
    const sees = await wholeSources(scope, registry, scopes);
    return ["gw-1", "gw-2", "gw-3"].filter(sees);
  };
  expect(await seen()).toEqual(["gw-1"]);
  expect(await seen(scopeOf({ sources: ["gw-3", "gw-1"], devices: [], sites: [] }))).toEqual(["gw-1", "gw-3"]);
  expect(await seen(EVERYTHING)).toEqual(["gw-1", "gw-2", "gw-3"]);
  registry.forget([elsewhere]);
  expect(await seen()).toEqual(["gw-1", "gw-2"]);
});
