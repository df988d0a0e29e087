/** What OTLP's senders are told while there is no room for their points, or no disk, and that the SDK comes again then. */
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Connection } from "../../../src/client/connection.ts";
import type { DoorDeps } from "../../../src/ingestion/doors/door.ts";
import { otlpMethods, otlpRoutes } from "../../../src/ingestion/doors/otlp.ts";
import { Slices } from "../../../src/ingestion/doors/slices.ts";
import { MemoryBudget } from "../../../src/ingestion/memory-budget.ts";
import { createMetrics } from "../../../src/metrics/metrics.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { HealthState } from "../../../src/transport/health.ts";
import { ReceivedBytes } from "../../../src/transport/received-bytes.ts";
import { startWebServer } from "../../../src/transport/web-server.ts";
import { errorOf } from "../../../src/wire/call-error.ts";
import { StatusSchema } from "../../../src/wire/gen/google/rpc/status_pb.ts";
import {
  ExportMetricsServiceRequestSchema as RequestSchema,
  MetricsService,
} from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";
import { startToyServer } from "../../support/toy-server.ts";
import { OPEN } from "../../support/open-gate.ts";

const HOUR_MS = 3_600_000;
const BUDGET_BYTES = 1_000_000;
const POINT = { timeUnixNano: 1_700_000_000n * 10n ** 9n, value: { case: "asDouble", value: 7 } } as const;
const BODY = toBinary(
  RequestSchema,
  create(RequestSchema, {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "m", data: { case: "gauge", value: { dataPoints: [POINT] } } }] }] }], // prettier-ignore
  }),
);

/** The door over an intake of the test's own. */
async function openDoor() {
  const door = { failure: undefined as WatchpostError | undefined, usedBytes: 0, stored: [] as number[], refusals: 0 };
  const budget = new MemoryBudget({ limitBytes: BUDGET_BYTES, waitMsMax: 1, retryAfterMs: 1_000 }, systemClock);
  budget.addPart(() => door.usedBytes);
  const intake = {
    isStorable: () => true,
    resolverFor: () => () => 1,
    takeRows({ values }: { values: Float64Array }, from: number, to: number) {
      if (door.failure !== undefined) {
        door.refusals++;
        throw door.failure;
      }
      door.stored.push(...values.subarray(from, to));
      return { kept: to - from, refusedTotal: 0, refused: [], group: undefined };
    },
  };
  const deps = {
    ...{ intake, budget, metrics: createMetrics(), isKnownSeries: () => true, cacheSeed: 1 },
    senderOf: () => undefined,
    slices: new Slices(() => systemClock.monotonicMs()),
    onMalformed: () => {},
    onLeftOut: () => {},
  } as unknown as DoorDeps;
  const web = await startWebServer({
    ...OPEN,
    ...{ address: "127.0.0.1:0", methods: [], httpRoutes: otlpRoutes(deps), health: new HealthState() },
    ...{ received: new ReceivedBytes(BUDGET_BYTES), origins: [], metricsText: async () => "" },
  });
  const grpc = await startToyServer(otlpMethods(deps));
  const connection = new Connection(grpc.address);
  return Object.assign(door, {
    url: `http://${web.address}/v1/metrics`,
    async post() {
      const headers = { "content-type": "application/x-protobuf" };
      const answer = await fetch(`http://${web.address}/v1/metrics`, { method: "POST", body: BODY, headers });
      const { message } = fromBinary(StatusSchema, new Uint8Array(await answer.arrayBuffer()));
      return [answer.status, answer.headers.get("retry-after"), message];
    },
    async call() {
      try {
        await connection.unary(MetricsService.method.export, BODY, { deadlineMs: 10_000 });
        return ["OK"];
      } catch (error) {
        const { status, retryAfterMs, message } = errorOf(error);
        return [status, retryAfterMs, message];
      }
    },
    async [Symbol.asyncDispose]() {
      connection.close();
      await Promise.all([web.drain(0), grpc[Symbol.asyncDispose]()]);
    },
  });
}

test("no room: 429 with Retry-After, RESOURCE_EXHAUSTED with RetryInfo", async () => {
  await using door = await openDoor();
  door.usedBytes = BUDGET_BYTES;
  const said = expect.stringContaining("no memory for ");
  expect(await door.post()).toEqual([429, "1", said]);
  expect(await door.call()).toEqual(["RESOURCE_EXHAUSTED", 1_000, said]);
  door.usedBytes = 0;
  expect([(await door.post())[0], await door.call(), door.stored]).toEqual([200, ["OK"], [7, 7]]);
});

test("no disk: 503 with Retry-After, UNAVAILABLE with RetryInfo", async () => {
  await using door = await openDoor();
  door.failure = new WatchpostError("UNAVAILABLE", "the log cannot be written: EIO", { retryAfterMs: 2_500 });
  expect(await door.post()).toEqual([503, "3", "the log cannot be written: EIO"]);
  expect(await door.call()).toEqual(["UNAVAILABLE", 2_500, "the log cannot be written: EIO"]);
  expect(door.stored).toEqual([]);
});

test.each([
  ["protobuf", ProtobufExporter],
  ["JSON", JsonExporter],
])("the SDK that is told to come again does, and its points are stored once (%s)", async (_, Exporter) => {
  await using door = await openDoor();
  for (const status of ["UNAVAILABLE", "RESOURCE_EXHAUSTED"] as const) {
    const exporter = new Exporter({ url: door.url });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: HOUR_MS });
    const provider = new MeterProvider({ readers: [reader] });
    provider.getMeter("test").createGauge("g").record(21.5);
    door.failure = new WatchpostError(status, "not now", { retryAfterMs: 1_000 });
    const before = door.refusals;
    const shutdown = provider.shutdown();
    while (door.refusals === before) await Bun.sleep(1);
    door.failure = undefined;
    await shutdown;
    expect(door.stored.splice(0)).toEqual([21.5]);
  }
});
