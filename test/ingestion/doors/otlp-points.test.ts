/** OTLP's data points as points. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { OtlpPoints } from "../../../src/ingestion/doors/otlp-points.ts";
import { TAGS_MAX } from "../../../src/model/limits.ts";
import { ExportMetricsServiceRequestSchema as RequestSchema } from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";
import { pointsOf } from "./otlp-message.ts";

type Init = MessageInitShape<typeof RequestSchema>;

/** What the sink is told, in order. */
function read(init: Init, given?: string): string[] {
  const told: string[] = [];
  const points = new OtlpPoints(given, {
    point: (place, metric, source, tags, _, value) =>
      void told.push(`${place} ${metric} ${source} ${tags.length} tags ${value}`),
    leftOut: (what) => void told.push(what),
    refused: (place, reason) => void told.push(`${place} ${reason}`),
  });
  for (const found of pointsOf(create(RequestSchema, init))) points.take(found);
  return told;
}

function attributes(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${i}`,
    value: { value: { case: "boolValue", value: true } } as const,
  }));
}

const value = { case: "asDouble", value: 1 } as const;

test("data points of too many tags are refused whole: nothing is made for each of their buckets", () => {
  const bucketCounts = Array.from({ length: 1_000 }, () => 1n);
  const told = read({
    resourceMetrics: [
      {
        resource: { attributes: attributes(TAGS_MAX + 1) },
        scopeMetrics: [{ metrics: [{ name: "a", data: { case: "gauge", value: { dataPoints: [{ value }, { value }] } } }] }], // prettier-ignore
      },
      {
        resource: { attributes: attributes(TAGS_MAX) },
        scopeMetrics: [
          {
            metrics: [
              { name: "h", data: { case: "histogram", value: { dataPoints: [{ attributes: attributes(40), bucketCounts }] } } }, // prettier-ignore
              { name: "b", data: { case: "gauge", value: { dataPoints: [{ value, attributes: attributes(TAGS_MAX) }] } } }, // prettier-ignore
            ],
          },
        ],
      },
    ],
  });
  expect(told).toEqual([
    "1 has 33 tags; wanted at most 32",
    "2 has 33 tags; wanted at most 32",
    "3 has 40 tags; wanted at most 32",
    "4 b otlp 32 tags 1",
  ]);
});

test("where a point is from, and which device it is of", () => {
  const text = (key: string, said: string) =>
    ({ key, value: { value: { case: "stringValue", value: said } } }) as const;
  const told = (resource: Record<string, string>, own: Record<string, string> = {}, given?: string) => {
    const named = (all: Record<string, string>) => Object.entries(all).map(([key, said]) => text(key, said));
    const dataPoints = [{ value, attributes: named(own) }];
    const scopeMetrics = [{ metrics: [{ name: "m", data: { case: "gauge", value: { dataPoints } } as const }] }];
    let found: unknown;
    const points = new OtlpPoints(given, {
      point: (_, _metric, source, tags) => void (found = [source, Object.fromEntries(tags)]),
      leftOut: () => {},
      refused: () => {},
    });
    const init = { resourceMetrics: [{ resource: { attributes: named(resource) }, scopeMetrics }] };
    for (const each of pointsOf(create(RequestSchema, init))) points.take(each);
    return found;
  };
  const [instance, host, device, service] = ["service.instance.id", "host.name", "device.id", "service.name"];
  const all = { [service]: "s", [device]: "d", [host]: "h", [instance]: "i", "os.type": "linux" };
  expect(told(all)).toEqual(["i", { [service]: "s", device: "d", [host]: "h" }]);
  expect(told({ [service]: "s", [device]: "d", [host]: "h" })).toEqual(["h", { [service]: "s", device: "d" }]);
  expect(told({ [service]: "s", [device]: "d" })).toEqual(["d", { [service]: "s" }]);
  expect(told({ [service]: "s" })).toEqual(["s", {}]);
  expect(told({})).toEqual(["otlp", {}]);
  expect(told({ [device]: "d", [host]: "h" }, {}, "given")).toEqual(["given", { device: "d", [host]: "h" }]);
  // An attribute of the name is meant; what stands at the point counts before what stands at its resource.
  expect(told({ [device]: "d", [host]: "h", device: "e" })).toEqual(["h", { [device]: "d", device: "e" }]);
  expect(told({ [device]: "d", [host]: "h" }, { device: "p" })).toEqual(["h", { device: "p" }]);
  expect(told({ [device]: "d", [host]: "h" }, { [device]: "p" })).toEqual(["h", { device: "p" }]);
});

test("a histogram of more buckets than any has is refused: each would be a series", () => {
  const histogram = (buckets: number) => {
    const dataPoints = [{ count: 1n, bucketCounts: Array.from({ length: buckets }, () => 1n) }];
    return { name: "h", data: { case: "histogram" as const, value: { dataPoints } } };
  };
  const told = read({ resourceMetrics: [{ scopeMetrics: [{ metrics: [histogram(1_001), histogram(1_000)] }] }] });
  expect([told[0], told.length]).toEqual(["1 has 1001 buckets or quantiles; wanted at most 1000", 1 + 1 + 1_000]);
});
