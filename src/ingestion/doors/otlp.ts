/** OpenTelemetry's metrics: over gRPC, and over HTTP as protobuf and JSON. Source: OTLP specification 1.x. */
import {
  create,
  toBinary,
  toJsonString,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { formatByteSize } from "../../model/byte-size.ts";
import { messageOf, truncated, WatchpostError } from "../../model/errors.ts";
import { StatusSchema } from "../../wire/gen/google/rpc/status_pb.ts";
import {
  ExportMetricsServiceResponseSchema as ResponseSchema,
  MetricsService,
} from "../../wire/gen/opentelemetry/metrics_service_pb.ts";
import type { HttpCall, HttpRoute } from "../../wire/http-route.ts";
import { rawUnary, type CallContext, type MethodImpl } from "../../wire/service.ts";
import { DoorRows, refusalOf, sourceGiven, withMemory, type DoorDeps, type DoorResult } from "./door.ts";
import { doorErrorOf } from "./door-errors.ts";
import type { FoundPoint } from "./otlp-request.ts";

const DOOR = "otlp";
const SAID_MAX = 10;
/** What a byte becomes, with its share of rows, frames and records. */
const MEMORY_FACTOR = 4;
/** The same of JSON, all of which is objects at once. */
const JSON_MEMORY_FACTOR = 32;
/** As unpacked. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
const UNSUPPORTED_TYPE = 415;
const [PROTOBUF, JSON_TYPE] = ["application/x-protobuf", "application/json"];

export function otlpMethods(deps: DoorDeps): MethodImpl[] {
  return [rawUnary(MetricsService.method.export, (bytes, context) => take(bytes, PROTOBUF, undefined, context, deps))];
}

export function otlpRoutes(deps: DoorDeps): HttpRoute[] {
  return [
    {
      name: "otlp.metrics",
      methods: ["POST"],
      path: "/v1/metrics",
      summary: "OpenTelemetry metrics, protobuf or JSON",
      run: async (call) => {
        const type = typeOf(call);
        if (type === undefined) {
          return new Response(`content-type: wanted ${PROTOBUF} or ${JSON_TYPE}\n`, { status: UNSUPPORTED_TYPE });
        }
        const source = sourceGiven(call.url);
        const answer = create(ResponseSchema, await take(await call.body(), type, source, call, deps));
        return encoded(ResponseSchema, answer, type, { status: 200 });
      },
      fail: (error, call) => {
        const { status, message, headers } = doorErrorOf(error);
        const type = typeOf(call) ?? PROTOBUF;
        return encoded(StatusSchema, create(StatusSchema, { message }), type, { status, headers });
      },
    },
  ];
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

function encoded<D extends DescMessage>(schema: D, message: MessageShape<D>, type: string, answer: Answer): Response {
  const body =
    type === JSON_TYPE ? toJsonString(schema, message) : (toBinary(schema, message) as Uint8Array<ArrayBuffer>);
  return new Response(body, { status: answer.status, headers: { ...answer.headers, "content-type": type } });
}

function typeOf({ headers }: HttpCall): string | undefined {
  const type = headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  return type === PROTOBUF || type === JSON_TYPE ? type : undefined;
}

async function take(
  bytes: Uint8Array,
  type: string,
  given: string | undefined,
  caller: Pick<CallContext, "signal" | "principal" | "allowance">,
  deps: DoorDeps,
): Promise<MessageInitShape<typeof ResponseSchema>> {
  if (bytes.byteLength > REQUEST_BYTES_MAX) {
    const message = `the request is ${formatByteSize(bytes.byteLength)}; wanted at most ${formatByteSize(REQUEST_BYTES_MAX)}`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }
  const isJson = type === JSON_TYPE;
  const factor = isJson ? JSON_MEMORY_FACTOR : MEMORY_FACTOR;
  return withMemory(deps, factor * bytes.byteLength, caller.signal, async () => {
    const [{ OtlpPoints }, { pointsIn }, { pointsInJson }] = await Promise.all([
      import("./otlp-points.ts"),
      import("./otlp-request.ts"),
      import("./otlp-json.ts"),
    ]);
    const found: Iterator<FoundPoint | undefined, undefined> = isJson ? pointsInJson(bytes) : pointsIn(bytes);
    const rows = new DoorRows(deps, DOOR, caller);
    const points = new OtlpPoints(given, {
      point: (place, metric, source, tags, timeUs, value) => {
        const series = rows.isStorable(value, timeUs) ? rows.resolve(metric, source, tags) : 0;
        if (typeof series === "number") rows.add(place, series, timeUs, value);
        else rows.add(place, 0, timeUs, value, series);
      },
      leftOut: (what) => rows.leaveOut(what),
      refused: (place, reason) => rows.refuse(place, reason),
    });
    let damage: string | undefined;
    const next = () => {
      try {
        return found.next();
      } catch (error) {
        damage = messageOf(error);
        return { done: true, value: undefined };
      }
    };
    const step = () => {
      const { done, value } = next();
      if (value !== undefined) points.take(value);
      return done === true;
    };
    await rows.inSlices(step, caller.signal);
    const result = await rows.committed();
    if (damage !== undefined) throw damaged(damage, result, deps);
    if (result.refusedTotal === 0) return {};
    const errorMessage = sentenceOf(result);
    deps.onMalformed(DOOR, errorMessage);
    // What is told to be refused of an answer that is none is not sent again.
    if (result.limited !== undefined) throw refusalOf(result, errorMessage);
    return { partialSuccess: { rejectedDataPoints: BigInt(result.placesRefused), errorMessage } };
  });
}

/** Its sender gives it up. What stands before the damage is stored, as it would be if it were all there is. */
function damaged(damage: string, { stored }: DoorResult, { onMalformed }: DoorDeps): WatchpostError {
  const kept = stored === 0 ? "" : `; ${stored} points before that are stored`;
  const message = `the body is no ExportMetricsServiceRequest: ${truncated(damage, 300)}${kept}`;
  onMalformed(DOOR, message);
  return new WatchpostError("INVALID_ARGUMENT", message);
}

function sentenceOf({ refusals, refusedTotal }: DoorResult): string {
  const said = refusals.slice(0, SAID_MAX).map(({ place, reason }) => `data point ${place}: ${truncated(reason, 300)}`);
  const more = refusedTotal > said.length ? `; and ${refusedTotal - said.length} more` : "";
  return `${said.join("; ")}${more}`;
}
