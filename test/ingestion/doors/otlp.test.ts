/** OpenTelemetry's metrics: from its own SDK over every transport, and by hand. */
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
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { StatusSchema } from "../../../src/wire/gen/google/rpc/status_pb.ts";
import {
  ExportMetricsServiceRequestSchema as RequestSchema,
  ExportMetricsServiceResponseSchema as ResponseSchema,
} from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";
import { openServer } from "./rig.ts";

type Server = Awaited<ReturnType<typeof openServer>>;

const S = 1_700_000_000n;
const MS = Number(S) * 1_000;
const HOUR_MS = 3_600_000;
const GZIP = { compression: CompressionAlgorithm.GZIP };
const JSON_HEADERS = { "content-type": "application/json" };

const exporters: readonly (readonly [string, (server: Server) => PushMetricExporter])[] = [
  ["gRPC", ({ grpcAddress }) => new GrpcExporter({ url: `http://${grpcAddress}`, ...GZIP })],
  ["HTTP, protobuf, gzip", ({ url }) => new ProtobufExporter({ url: `${url}/v1/metrics`, ...GZIP })],
  ["HTTP, JSON", ({ url }) => new JsonExporter({ url: `${url}/v1/metrics` })],
];

test.each(exporters)("the SDK of OpenTelemetry exports over %s", async (_, exporterOf) => {
  await using server = await openServer();
  const exporter = exporterOf(server);
  const resource = resourceFromAttributes({
    "service.name": "press",
    "host.name": "gw-7",
    "process.pid": 4711,
    "deployment.environment.name": "plant",
  });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: HOUR_MS });
  const views = [
    {
      instrumentName: "spread",
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } },
    } as const,
  ];
  const provider = new MeterProvider({ resource, readers: [reader], views });
  const meter = provider.getMeter("test");
  meter.createGauge("oil.temperature").record(71.5, { line: 3, hot: true });
  meter.createCounter("strokes").add(42);
  const advice = { explicitBucketBoundaries: [1, 10] };
  const took = meter.createHistogram("took", { advice });
  for (const value of [0.5, 2, 3, 100]) took.record(value);
  const spread = meter.createHistogram("spread");
  for (let i = 1; i <= 100; i++) spread.record(i);
  await provider.shutdown();
  const shared = "gw-7 deployment.environment.name=plant";
  const tail = (tags = "") => `${tags} service.name=press`;
  const stored = new Map((await server.stored()).map((point) => point.split("@") as [string, string]));
  const of = (metric: string, tags = "", more = "") =>
    Number(stored.get(`${metric} ${shared}${tags}${more === "" ? tail() : tail(more)}`)?.split("=")[1]);
  expect(of("oil.temperature", "", " hot=true line=3")).toBe(71.5);
  expect(of("strokes")).toBe(42);
  expect([of("took_count"), of("took_sum"), of("took_min"), of("took_max")]).toEqual([4, 105.5, 0.5, 100]);
  expect(["1", "10", "+Inf"].map((le) => of("took_bucket", "", ` le=${le}`))).toEqual([1, 3, 4]);
  expect([of("spread_count"), of("spread_sum"), of("spread_max")]).toEqual([100, 5_050, 100]);
  for (const [quantile, wanted] of [
    ["0.5", 50],
    ["0.9", 90],
    ["0.99", 99],
  ] as const) {
    // prettier-ignore
    const found = of("spread", "", ` quantile=${quantile}`);
    expect(Math.abs(found / wanted - 1)).toBeLessThan(0.05);
  }
  expect(server.told.filter((sentence) => sentence.includes("another protocol"))).toEqual([]);
});

function attribute(key: string, stringValue: string) {
  return { key, value: { value: { case: "stringValue", value: stringValue } } } as const;
}

function number(asDouble: number, timeUnixNano: bigint, more: object = {}) {
  return { timeUnixNano, value: { case: "asDouble", value: asDouble }, ...more } as const;
}

test("what is refused is counted by data point, the rest is stored; points without a value are skipped", async () => {
  await using server = await openServer();
  const gauge = [
    number(1, S * 10n ** 9n, { attributes: [attribute("device", "d1")] }),
    number(NaN, S * 10n ** 9n),
    number(3, 2n * S * 10n ** 9n),
    number(4, S * 10n ** 9n, { flags: 1 }),
  ];
  const histogram = {
    timeUnixNano: 2n * S * 10n ** 9n,
    count: 3n,
    sum: 1,
    bucketCounts: [1n, 2n],
    explicitBounds: [5],
  };
  const summary = { timeUnixNano: S * 10n ** 9n, count: 2n, sum: 9, quantileValues: [{ quantile: 0.5, value: 4 }, { quantile: 1, value: NaN }] }; // prettier-ignore
  const request = create(RequestSchema, {
    resourceMetrics: [
      {
        resource: { attributes: [attribute("service.name", "s"), attribute("device", "shadowed")] },
        scopeMetrics: [
          {
            metrics: [
              { name: "a/b", data: { case: "gauge", value: { dataPoints: gauge } } },
              { name: "h", data: { case: "histogram", value: { dataPoints: [histogram] } } },
              { name: "q", data: { case: "summary", value: { dataPoints: [summary] } } },
            ],
          },
        ],
      },
    ],
  });
  const headers = { "content-type": "application/x-protobuf" };
  const answer = await server.post("/v1/metrics", toBinary(RequestSchema, request), headers);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-protobuf"]);
  const { partialSuccess } = fromBinary(ResponseSchema, new Uint8Array(await answer.arrayBuffer()));
  expect(partialSuccess?.rejectedDataPoints).toBe(3n);
  expect(partialSuccess?.errorMessage).toMatch(/^data point 2: value is NaN.*data point 3: timestamp.*data point 5: /);
  expect(await server.stored()).toEqual([
    `a_b s device=d1@${MS}=1`,
    `q s device=shadowed quantile=0.5@${MS}=4`,
    `q_count s device=shadowed@${MS}=2`,
    `q_sum s device=shadowed@${MS}=9`,
  ]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('watchpost_door_left_out_total{door="otlp",what="without a value"} 1');
});

test("JSON by hand: numbers as text, unknown fields, no time; the source as a parameter", async () => {
  await using server = await openServer();
  const dataPoints = [{ asInt: "7", exemplars: [{ traceId: "5b8efff798038103d269b633813fc60c" }] }];
  const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "m", unit: "1", sum: { dataPoints } }] }] }] };
  const answer = await server.post("/v1/metrics?source=x", JSON.stringify(body), JSON_HEADERS);
  expect([answer.status, await answer.json()]).toEqual([200, {}]);
  expect((await server.stored()).map((point) => point.replace(/@[\d.]+/, ""))).toEqual(["m x=7"]);
});

test("what is no request is refused in the encoding it came in", async () => {
  await using server = await openServer();
  const asJson = await server.post("/v1/metrics", "{]", JSON_HEADERS);
  const { message } = (await asJson.json()) as { message: string };
  expect([asJson.status, message]).toEqual([400, expect.stringContaining("no ExportMetricsServiceRequest")]);
  const headers = { "content-type": "application/x-protobuf" };
  const asProtobuf = await server.post("/v1/metrics", new Uint8Array([10, 200, 1]), headers);
  expect(asProtobuf.status).toBe(400);
  expect(fromBinary(StatusSchema, new Uint8Array(await asProtobuf.arrayBuffer())).message).toContain("no Export");
  expect((await server.post("/v1/metrics", "x", { "content-type": "text/plain" })).status).toBe(415);
  const data = { case: "gauge" as const, value: { dataPoints: [number(1, S * 10n ** 9n)] } };
  const good = toBinary(
    RequestSchema,
    create(RequestSchema, { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "m", data }] }] }] }),
  );
  const cut = await server.post("/v1/metrics", Buffer.concat([good, Buffer.from([10, 200, 1])]), headers);
  const { message: told } = fromBinary(StatusSchema, new Uint8Array(await cut.arrayBuffer()));
  expect([cut.status, told]).toEqual([400, expect.stringContaining("; 1 points before that are stored")]);
  expect(await server.stored()).toEqual([`m otlp@${MS}=1`]);
  const large = await server.post("/v1/metrics", " ".repeat(5 << 20), JSON_HEADERS);
  expect([large.status, await large.text()]).toEqual([413, expect.stringContaining("at most 4MiB")]);
  // Of two bytes each: a data point without anything.
  const gauge = { dataPoints: Array.from({ length: 600_000 }, () => ({})) };
  const init = {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ data: { case: "gauge", value: gauge } as const }] }] }],
  };
  const crowd = await server.post("/v1/metrics", toBinary(RequestSchema, create(RequestSchema, init)), headers);
  expect(crowd.status).toBe(200);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('watchpost_door_left_out_total{door="otlp",what="without a value"} 600000');
  // However deep it goes.
  const deep = await server.post("/v1/metrics", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, JSON_HEADERS);
  expect([200, 400]).toContain(deep.status);
  expect(server.told.filter((sentence) => sentence.includes("another protocol"))).toHaveLength(1);
});
