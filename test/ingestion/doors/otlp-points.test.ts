/** OTLP's data points as points. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { readOtlp } from "../../../src/ingestion/doors/otlp-points.ts";
import { TAGS_MAX } from "../../../src/model/limits.ts";
import { ExportMetricsServiceRequestSchema as RequestSchema } from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";

type Init = MessageInitShape<typeof RequestSchema>;

/** What the sink is told, in order. */
function read(init: Init): string[] {
  const told: string[] = [];
  readOtlp(create(RequestSchema, init), undefined, {
    point: (place, metric, source, tags, _, value) =>
      void told.push(`${place} ${metric} ${source} ${tags.length} tags ${value}`),
    skipped: (place) => void told.push(`${place} skipped`),
    refused: (place, reason) => void told.push(`${place} ${reason}`),
  });
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
