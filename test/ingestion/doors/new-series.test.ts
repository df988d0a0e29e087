/** Senders that have made as many series as they may for now: what is known is stored, and they are told to come again, not to give up. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Connection } from "../../../src/client/connection.ts";
import { errorOf } from "../../../src/wire/call-error.ts";
import { StatusSchema } from "../../../src/wire/gen/google/rpc/status_pb.ts";
import {
  ExportMetricsServiceRequestSchema,
  MetricsService,
} from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";
import { openServer } from "./rig.ts";
import { HEADERS, packed, writeRequest } from "./write-request.ts";

const EXPORTED = toBinary(
  ExportMetricsServiceRequestSchema,
  create(ExportMetricsServiceRequestSchema, {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: ["known", "new"].map((name) => {
              const value = { case: "asDouble", value: 7 } as const;
              return { name, data: { case: "gauge" as const, value: { dataPoints: [{ value }] } } };
            }),
          },
        ],
      },
    ],
  }),
);

test("each is told when to come again in its own words, also where something else was wrong", async () => {
  await using server = await openServer({ WATCHPOST_LIMITS_NEW_SERIES_PER_HOUR: "2" });
  const influx = await server.post("/write?db=s", "known value=1\nsecond value=2\nthird value=3\nwhat is this\n");
  const wait = Number(influx.headers.get("retry-after"));
  expect(influx.status).toBe(429);
  expect([wait > 0, wait <= 1_800]).toEqual([true, true]);
  const said = ((await influx.json()) as { error: string }).error;
  expect(said).toContain("line 3: would be a new series: the address 127.0.0.1 has made as many series as it may");
  expect(said).toContain("line 4: unable to parse");
  const wrong = await server.post("/api/v2/write?bucket=s", "known value=1\nwhat is this\n");
  expect([wrong.status, wrong.headers.get("retry-after")]).toEqual([400, null]);

  const body = packed(writeRequest([[{ __name__: "new", job: "s" }, [[Date.now(), 1]]]]));
  const written = await server.post("/api/v1/write", body, HEADERS);
  expect([written.status, written.headers.has("retry-after")]).toEqual([503, true]);

  const headers = { "content-type": "application/x-protobuf" };
  const exported = await server.post("/v1/metrics?source=s", EXPORTED, headers);
  expect([exported.status, exported.headers.has("retry-after")]).toEqual([429, true]);
  const { message } = fromBinary(StatusSchema, new Uint8Array(await exported.arrayBuffer()));
  expect(message).toContain("data point 2: would be a new series");
  const connection = new Connection(server.grpcAddress);
  const failed = connection.unary(MetricsService.method.export, EXPORTED, { deadlineMs: 10_000 }).catch(errorOf);
  expect(await failed).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: expect.any(Number) });
  connection.close();

  const batch = { source: "s", points: ["known", "new"].map((metricName) => ({ metricName, value: 9 })) };
  const path = "/analytics.DataIngestion/UploadBatch";
  const uploaded = await server.post(path, JSON.stringify(batch), { "content-type": "application/json" });
  expect([uploaded.status, uploaded.headers.has("retry-after")]).toEqual([429, true]);
  expect(await uploaded.json()).toMatchObject({
    code: "resource_exhausted",
    message: expect.stringContaining("1 are stored"),
  });

  const values = (await server.stored()).map((point) => point.replace(/@.*=/, "=")).sort();
  expect(values).toEqual(["known s=1", "known s=1", "known s=7", "known s=9", "second s=2"]);
});
