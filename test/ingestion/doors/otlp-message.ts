/** A decoded request, one data point after the other. */
import type { FoundPoint } from "../../../src/ingestion/doors/otlp-request.ts";
import type { ExportMetricsServiceRequest } from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";

export function* pointsOf({ resourceMetrics }: ExportMetricsServiceRequest): Generator<FoundPoint> {
  for (const { resource, scopeMetrics } of resourceMetrics) {
    const attributes = resource?.attributes ?? [];
    for (const { name, data } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      if (data.case === undefined) continue;
      for (const point of data.value.dataPoints) yield { resource: attributes, metric: name, point };
    }
  }
}
