/** Prometheus remote write, version 1. Source: "Prometheus Remote-Write 1.0 specification". */
import { truncated, WatchpostError } from "../../model/errors.ts";
import type { HttpCall, HttpRoute } from "../../wire/http-route.ts";
import { DoorRows, withMemory, type DoorDeps, type DoorResult } from "./door.ts";
import { doorErrorOf } from "./door-errors.ts";
import { RemoteSeries } from "./remote-series.ts";
import { readWriteRequest } from "./write-request.ts";

const DOOR = "prometheus";
const SAID_MAX = 10;
/** What a byte becomes, with its share of rows, frames and records. */
const MEMORY_FACTOR = 4;
const UNSUPPORTED_TYPE = 415;

export function remoteWriteRoutes(deps: DoorDeps): HttpRoute[] {
  const series = new RemoteSeries(deps.resolve, (id) => deps.isKnownSeries(id));
  return [
    {
      name: "prometheus.write",
      methods: ["POST"],
      path: "/api/v1/write",
      summary: "Prometheus remote write",
      run: async (call) => {
        // With this answer senders of version 2 go back to version 1.
        if (call.headers.get("content-type")?.includes("write.v2") === true) {
          return new Response("wanted prometheus.WriteRequest, version 1\n", { status: UNSUPPORTED_TYPE });
        }
        const result = await take(call, deps, series);
        if (result.refusedTotal === 0) return new Response(null, { status: 204 });
        throw new WatchpostError("INVALID_ARGUMENT", sentenceOf(result));
      },
      fail: failed,
    },
  ];
}

async function take(call: HttpCall, deps: DoorDeps, series: RemoteSeries): Promise<DoorResult> {
  const source = call.url.searchParams.get("source") ?? undefined;
  const bytes = await call.body();
  return withMemory(deps, MEMORY_FACTOR * bytes.byteLength, call.signal, async () => {
    const rows = new DoorRows(deps, DOOR);
    let skipped = 0;
    let place = 0;
    const failure = readWriteRequest(bytes, {
      sample: (labels, timeMs, value) => {
        place++;
        if (!Number.isFinite(value)) return void skipped++;
        const timeUs = timeMs * 1_000;
        const found =
          series.known(source, labels) ?? (rows.isStorable(value, timeUs) ? series.find(source, labels) : 0);
        if (typeof found === "number") rows.add(place, found, timeUs, value);
        else rows.add(place, 0, timeUs, value, found);
      },
      histogram: () => void skipped++,
    });
    if (failure !== undefined) rows.refuse(place + 1, failure);
    if (skipped > 0) deps.metrics.doorPoints.inc({ door: DOOR, result: "skipped" }, skipped);
    const result = await rows.committed();
    if (result.refusedTotal > 0) deps.onMalformed(DOOR, sentenceOf(result));
    return result;
  });
}

function sentenceOf({ stored, refusals, refusedTotal }: DoorResult): string {
  const said = refusals.slice(0, SAID_MAX).map(({ place, reason }) => `sample ${place}: ${truncated(reason, 300)}`);
  const more = refusedTotal > said.length ? `; and ${refusedTotal - said.length} more` : "";
  return `${refusedTotal} refused, ${stored} stored: ${said.join("; ")}${more}`;
}

/** Prometheus sends again what was answered with 5xx, and as it is by default nothing else: 429 would lose points. */
function failed(error: unknown): Response {
  const { status, message, headers } = doorErrorOf(error);
  return new Response(`${message}\n`, { status: status === 429 ? 503 : status, headers });
}
