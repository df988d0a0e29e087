/** The doors of InfluxDB: /write as version 1 has it, /api/v2/write as version 2, and what their clients ask before. */
import { truncated, WatchpostError } from "../../model/errors.ts";
import type { HttpCall, HttpRoute } from "../../wire/http-route.ts";
import { DoorRows, refusalOf, sourceGiven, withRowsMemory, type DoorDeps, type DoorResult } from "./door.ts";
import { doorErrorOf } from "./door-errors.ts";
import { LineParser } from "./line-parser.ts";
import { LineSeries } from "./line-series.ts";

/** Of the timestamps, in a microsecond. */
const UNITS_PER_US: Readonly<Record<string, number>> = {
  ...{ n: 1_000, ns: 1_000, u: 1, us: 1, µ: 1, ms: 1e-3, s: 1e-6, m: 1e-6 / 60, h: 1e-6 / 3_600 },
};
/** Far less than a slice, whatever they are. */
const STEP_BYTES = 4 * 1024;
const SAID_MAX = 10;
const OTHERWISE = "influx";
/** What a byte of lines becomes, with its share of rows, frames and records. */
const MEMORY_FACTOR = 3;
/** What clients take for an InfluxDB that they can write to. */
const VERSION = "1.8.10";

export function influxRoutes(deps: DoorDeps): HttpRoute[] {
  const series = new LineSeries(deps);
  const write = async (call: HttpCall, version: Version) => {
    const result = await takeLines(call, version, deps, series);
    if (result.refusedTotal === 0) return new Response(null, { status: 204, headers: version.headers });
    throw refusalOf(result, sentenceOf(result));
  };
  const ping = async () => new Response(null, { status: 204, headers: V1.headers });
  return [
    {
      name: "influx.write",
      methods: ["POST"],
      path: "/write",
      summary: "InfluxDB 1 line protocol",
      run: (call) => write(call, V1),
      fail: (error) => failed(error, V1),
    },
    {
      name: "influx.v2.write",
      methods: ["POST"],
      path: "/api/v2/write",
      summary: "InfluxDB 2 line protocol",
      run: (call) => write(call, V2),
      fail: (error) => failed(error, V2),
    },
    {
      name: "influx.ping",
      methods: ["GET", "HEAD"],
      path: "/ping",
      summary: "what InfluxDB's clients ask first",
      run: ping,
      fail: (error) => failed(error, V1),
    },
    {
      name: "influx.health",
      methods: ["GET"],
      path: "/health",
      summary: "the same of version 2",
      run: async () =>
        Response.json({ name: "watchpost", message: "ready for writes", status: "pass", version: VERSION }),
      fail: (error) => failed(error, V2),
    },
  ];
}

interface Version {
  readonly name: string;
  /** The parameter that names where the points are to go. */
  readonly place: string;
  readonly headers: Record<string, string>;
  body(code: string, message: string): unknown;
}

const V1: Version = {
  name: "influx",
  place: "db",
  headers: { "x-influxdb-version": VERSION },
  body: (_, error) => ({ error }),
};
const V2: Version = { ...V1, place: "bucket", headers: {}, body: (code, message) => ({ code, message }) };

async function takeLines(call: HttpCall, version: Version, deps: DoorDeps, series: LineSeries): Promise<DoorResult> {
  const { searchParams } = call.url;
  const precision = searchParams.get("precision") ?? "ns";
  if (!Object.hasOwn(UNITS_PER_US, precision)) {
    throw new WatchpostError("INVALID_ARGUMENT", `precision is ${JSON.stringify(precision)}; wanted ns, us, ms or s`);
  }
  const source = series.source(sourceGiven(call.url), sourceGiven(call.url, version.place) ?? OTHERWISE);
  const bytes = await call.body();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return withRowsMemory(deps, MEMORY_FACTOR * bytes.byteLength, call.signal, async () => {
    const rows = new DoorRows(deps, version.name, call);
    const parser = new LineParser(bytes, UNITS_PER_US[precision], {
      point: (line, form, value, timeUs) => {
        const found =
          series.known(source, view, form) ??
          (rows.isStorable(value, timeUs) ? series.find(source, view, form, rows.resolve) : 0);
        if (typeof found === "number") rows.add(line, found, timeUs, value);
        else rows.add(line, 0, timeUs, value, found);
      },
      text: () => rows.leaveOut("text"),
      malformed: (line, reason) => {
        rows.refuse(line, `unable to parse: ${reason}`);
      },
    });
    await rows.inSlices(() => parser.step(STEP_BYTES), call.signal);
    const result = await rows.committed();
    if (result.refusedTotal > 0) deps.onMalformed(version.name, sentenceOf(result));
    return result;
  });
}

/** As InfluxDB begins it: what is right of a body is stored. */
function sentenceOf({ refusals, refusedTotal }: DoorResult): string {
  const said = refusals.slice(0, SAID_MAX).map(({ place, reason }) => `line ${place}: ${truncated(reason, 300)}`);
  const more = refusedTotal > said.length ? `; and ${refusedTotal - said.length} more` : "";
  return `partial write: ${said.join("; ")}${more} dropped=${refusedTotal}`;
}

const CODES = {
  400: "invalid",
  413: "request too large",
  429: "too many requests",
  500: "internal error",
  401: "unauthorized",
  403: "forbidden",
  503: "unavailable",
} as const;

function failed(error: unknown, version: Version): Response {
  const { status, message, headers } = doorErrorOf(error);
  return Response.json(version.body(CODES[status], message), { status, headers: { ...version.headers, ...headers } });
}
