/** The compiled executable takes points of other protocols from their own clients: what it needs for that is in it. */
import { OTLPMetricExporter as GrpcExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { InfluxDB, Point } from "@influxdata/influxdb-client";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { HEADERS, packed, writeRequest } from "../ingestion/doors/write-request.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const S = 1_700_000_000;
const HOUR_MS = 3_600_000;
const GZIP = { compression: CompressionAlgorithm.GZIP };
const dir = tempDir("binary-doors");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: `${dir.path}/data`, binary: true });
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

/** "metric value" of a source, in order. */
async function storedOf(source: string): Promise<string[]> {
  const connection = new Connection(server.grpc);
  try {
    const { series } = await queryRange(connection, { metric: "*" });
    const own = series.filter((each) => each.source === source);
    return own.flatMap(({ metric, values }) => values.map((value) => `${metric} ${value}`)).sort();
  } finally {
    connection.close();
  }
}

const exporters: readonly (readonly [string, () => PushMetricExporter])[] = [
  ["grpc", () => new GrpcExporter({ url: `http://${server.grpc}`, ...GZIP })],
  ["protobuf", () => new ProtobufExporter({ url: `http://${server.http}/v1/metrics`, ...GZIP })],
  ["json", () => new JsonExporter({ url: `http://${server.http}/v1/metrics` })],
];

test.each(exporters)("the SDK of OpenTelemetry exports over %s", async (name, exporterOf) => {
  const reader = new PeriodicExportingMetricReader({ exporter: exporterOf(), exportIntervalMillis: HOUR_MS });
  const views = [{ instrumentName: "spread", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } } as const];
  const resource = resourceFromAttributes({ "service.name": "press", "device.id": name });
  const provider = new MeterProvider({ resource, readers: [reader], views });
  const meter = provider.getMeter("test");
  meter.createGauge("temperature").record(71.5);
  meter.createCounter("strokes").add(42);
  meter.createHistogram("spread").record(8);
  await provider.shutdown();
  expect(await storedOf(name)).toEqual([
    ...["spread 8", "spread 8", "spread 8"],
    ...["spread_count 1", "spread_max 8", "spread_min 8", "spread_sum 8", "strokes 42", "temperature 71.5"],
  ]);
});

test("InfluxDB's client writes, packed and plain", async () => {
  const { http } = server;
  for (const gzipThreshold of [1, 1_000_000]) {
    const api = new InfluxDB({ url: `http://${http}`, token: "none" }).getWriteApi("any", "influx-client", "s", {
      gzipThreshold,
    });
    api.writePoint(new Point("m").floatField("value", gzipThreshold).timestamp(S + gzipThreshold));
    await api.close();
  }
  expect(await storedOf("influx-client")).toEqual(["m 1", "m 1000000"]);
});

test("remote write comes packed with Snappy", async () => {
  const labels = { __name__: "up", instance: "remote" };
  const body = packed(writeRequest([[labels, [[S * 1_000, 1]]]])) as Uint8Array<ArrayBuffer>;
  const answer = await fetch(`http://${server.http}/api/v1/write`, { method: "POST", body, headers: HEADERS });
  expect([answer.status, await storedOf("remote")]).toEqual([204, ["up 1"]]);
});
