/** Prometheus remote write, version 1. Source: "Prometheus Remote-Write 1.0 specification". */
import { truncated } from "../../model/errors.ts";
import type { HttpCall, HttpRoute } from "../../wire/http-route.ts";
import { DoorRows, refusalOf, sourceGiven, withRowsMemory, type DoorDeps, type DoorResult } from "./door.ts";
import { doorErrorOf } from "./door-errors.ts";
import { RemoteSeries } from "./remote-series.ts";
import { WriteRequestReader, type Labels } from "./write-request.ts";

const DOOR = "prometheus";
const SAID_MAX = 10;
const SERIES_LENGTH_MAX = 200;
/** Fields: far less than a slice, whatever they are. */
const PARTS_A_STEP = 64;
/** What a byte becomes, with its share of rows, frames and records. */
const MEMORY_FACTOR = 4;
const UNSUPPORTED_TYPE = 415;

export function remoteWriteRoutes(deps: DoorDeps): HttpRoute[] {
  const series = new RemoteSeries(deps);
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
        await take(call, deps, series);
        return new Response(null, { status: 204 });
      },
      fail: failed,
    },
  ];
}

/** Throws INVALID_ARGUMENT where anything was refused, RESOURCE_EXHAUSTED where some of it is taken later. */
async function take(call: HttpCall, deps: DoorDeps, series: RemoteSeries): Promise<void> {
  const source = series.source(sourceGiven(call.url));
  const bytes = await call.body();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  await withRowsMemory(deps, MEMORY_FACTOR * bytes.byteLength, call.signal, async () => {
    const rows = new DoorRows(deps, DOOR, call);
    // Of the series that was refused last, which may have many samples.
    let [refusedAt, refusal] = [-1, ""];
    const reader: WriteRequestReader = new WriteRequestReader(bytes, {
      sample: (labels, timeMs, value) => {
        if (!Number.isFinite(value)) return rows.leaveOut("no finite number");
        const timeUs = timeMs * 1_000;
        const { metricAt } = labels.form;
        let found: number | string | undefined = metricAt === refusedAt ? refusal : series.known(source, view, labels);
        if (found === undefined && rows.isStorable(value, timeUs)) {
          found = series.find(source, view, labels, rows.resolve);
          if (typeof found === "string") [refusedAt, refusal] = [metricAt, found];
        }
        if (typeof found === "string") rows.add(reader.samples, 0, timeUs, value, found);
        else rows.add(reader.samples, found ?? 0, timeUs, value);
      },
      leftOut: (what) => rows.leaveOut(what),
    });
    await rows.inSlices(() => reader.step(PARTS_A_STEP), call.signal);
    if (reader.failure !== undefined) rows.refuse(reader.samples + 1, reader.failure);
    const result = await rows.committed();
    if (result.refusedTotal === 0) return;
    const sentence = sentenceOf(result, await namesOf(bytes, result, deps, call.signal));
    deps.onMalformed(DOOR, sentence);
    throw refusalOf(result, sentence);
  });
}

/** Of the samples that are told of: what they are of is not kept for all, so it is read again. */
async function namesOf(
  bytes: Uint8Array,
  { refusals }: DoorResult,
  { slices }: DoorDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const wanted = new Set(refusals.slice(0, SAID_MAX).map(({ place }) => place));
  const names = new Map<number, string>();
  const reader: WriteRequestReader = new WriteRequestReader(bytes, {
    sample: (labels) => {
      if (wanted.delete(reader.samples)) names.set(reader.samples, shown(labels));
    },
    leftOut: () => {},
  });
  const step = () => reader.step(PARTS_A_STEP) || wanted.size === 0;
  await slices.run(step, async () => {}, signal);
  return names;
}

function shown(labels: Labels): string {
  const read = labels.read();
  if (typeof read === "string") return "";
  const name = read.find(([label]) => label === "__name__")?.[1] ?? "";
  const others = read
    .filter(([label]) => label !== "__name__")
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return truncated(`${name}{${others.join(",")}}`, SERIES_LENGTH_MAX);
}

function sentenceOf({ stored, refusals, refusedTotal }: DoorResult, names: ReadonlyMap<number, string>): string {
  const said = refusals.slice(0, SAID_MAX).map(({ place, reason }) => {
    const name = names.get(place) ?? "";
    return `sample ${place}${name === "" ? "" : ` of ${name}`}: ${truncated(reason, 300)}`;
  });
  const more = refusedTotal > said.length ? `; and ${refusedTotal - said.length} more` : "";
  return `${refusedTotal} refused, ${stored} stored: ${said.join("; ")}${more}`;
}

/** Prometheus sends again what was answered with 5xx, and as it is by default nothing else: 429 would lose points. */
function failed(error: unknown): Response {
  const { status, message, headers } = doorErrorOf(error);
  return new Response(`${message}\n`, { status: status === 429 ? 503 : status, headers });
}
